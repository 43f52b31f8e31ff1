import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { systemClock } from '@belay/base'
import { type Ledger, ledgerMigrations, type NewFact, openLedger } from '@belay/ledger'
import { openStore } from '@belay/store'
import { temporaryFolder } from '@belay/testkit'
import { type BenchOptions, interleaved, type Row, row } from './measure.ts'

export const about = 'Appending facts with full durability, beside bare node:sqlite doing the same inserts.'

/** Short blocks in many turns: on a shared machine a neighbour then disturbs both contenders alike. */
const blocksPerRound = 12
const perBlock = 25
const writers = 10
/** Past the first 1,000 commits the log is written over instead of growing, which is what a disk does quicker. */
const warmUp = 1_500

export async function rows({ rounds, note }: BenchOptions): Promise<Row[]> {
  await using folder = await temporaryFolder()
  mkdirSync(join(folder.path, 'peer'))
  const store = await openStore({ file: join(folder.path, 'ours', 'state.db') })
  try {
    await store.migrate([ledgerMigrations])
    const ledger = openLedger({ store, clock: systemClock })
    const insertBare = bareTable(join(folder.path, 'peer', 'state.db'))
    note(`${warmUp} appends to warm up`)
    insertBare(warmUp)
    await append(ledger, warmUp)
    note(`${rounds * blocksPerRound} blocks of ${perBlock} appends for each contender`)
    const perSecond = await interleaved(rounds * blocksPerRound, {
      bare: async () => rate(perBlock, async () => insertBare(perBlock)),
      one: () => rate(perBlock, () => append(ledger, perBlock)),
      ten: () => rate(perBlock * writers, () => Promise.all(Array.from({ length: writers }, () => append(ledger, perBlock)))),
    })
    const { seq } = await ledger.head()
    const verified = await rate(seq, () => ledger.verify())
    const unit = 'facts/s'
    return [
      row({
        name: 'append, one writer',
        unit,
        ours: perSecond.one,
        peer: { name: 'node:sqlite, one transaction each', value: perSecond.bare },
        goal: { of: 'ratio', atLeast: 0.5 },
      }),
      row({
        name: `append, ${writers} writers at once`,
        unit,
        ours: perSecond.ten,
        peer: { name: 'the ledger with one writer', value: perSecond.one },
        goal: { of: 'ratio', atLeast: 3 },
      }),
      row({ name: `verify ${seq.toLocaleString('en')} facts`, unit, ours: verified }),
    ]
  } finally {
    await store.close()
  }
}

const fact: NewFact = {
  actor: 'ada',
  kind: 'deployment.step-done',
  subject: 'deployment:d1',
  says: 'restart on web1 took 2.1 s (expected 2.0 s).',
  data: { step: 'restart', host: 'web1', ms: 2_100 },
}

async function append(ledger: Ledger, count: number): Promise<void> {
  for (let done = 0; done < count; done++) await ledger.record(fact)
}

/** The same columns and values without any of the promises: no chain, no head, no index. */
function bareTable(file: string): (count: number) => void {
  const database = new DatabaseSync(file)
  database.exec(`pragma journal_mode=wal; pragma synchronous=full;
    create table fact (seq integer primary key, at bigint, actor text, kind text, subject text, says text, data text, hash text, previous text)`)
  const insert = database.prepare('insert into fact (at, actor, kind, subject, says, data, hash, previous) values (?, ?, ?, ?, ?, ?, ?, ?)')
  const { actor, kind, subject, says, data } = fact
  const hash = 'f'.repeat(64)
  return (count) => {
    for (let done = 0; done < count; done++) insert.run(Date.now(), actor, kind, subject, says, JSON.stringify(data), hash, hash)
  }
}

async function rate(count: number, work: () => Promise<unknown>): Promise<number> {
  const startedAtMs = performance.now()
  await work()
  return (count / (performance.now() - startedAtMs)) * 1_000
}
