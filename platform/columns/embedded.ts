import type { Clock } from '@belay/base'
import { type Engine, insertMsMax } from './engine.ts'
import { openLane } from './lane.ts'
import { keepEngine } from './process/keeper.ts'
import { readers, writer } from './process/messages.ts'
import { columnList, columnsOf, insertFromFile, insertSettings, named, settingsText, valuesOf } from './statements.ts'

/** Behind the three that are answered, a page's questions of a few hundred people wait for some seconds. */
const waitingMax = 64

/** chDB in a process of its own; asleep until it is first asked. */
export function openEmbedded(it: {
  readonly folder: string
  readonly clock: Clock
  readonly log: (line: string, error?: unknown) => void
}): Engine {
  const keeper = keepEngine(it)
  const read = openLane({ slots: readers, waitingMax })
  // Inserts and changes of tables go one after the other: a connection is serial, and merges write beside it.
  const write = openLane({ slots: [writer], waitingMax })

  const change = (sql: string, ask: { readonly timeoutMs: number; readonly signal?: AbortSignal }): Promise<void> =>
    write.run(async (connection) => void (await (await keeper.engine()).run(connection, sql, ask)), ask)

  return {
    // There is one, and a folder of its own for it.
    makeDatabase: async () => {},
    rows: (sql, ask) =>
      read.run(async (connection) => {
        const json = await (await keeper.engine()).run(connection, sql, ask)
        return json.byteLength === 0 ? [] : (JSON.parse(new TextDecoder().decode(json)) as unknown[])
      }, ask),
    command: change,
    insertFile: (file) => change(insertFromFile(file), { timeoutMs: insertMsMax }),
    async insertRows({ table, rows, token }) {
      if (rows.length === 0) return
      const columns = columnsOf(rows)
      const head = `INSERT INTO ${named(table)} (${columnList(columns)}) SETTINGS ${settingsText(insertSettings(token))} FORMAT JSONCompactEachRow\n`
      const body = valuesOf(rows, columns).map((row) => JSON.stringify(row))
      await change(head + body.join('\n'), { timeoutMs: insertMsMax })
    },
    state: () => keeper.state(),
    close: () => keeper.close(),
  }
}
