/**
 * What the story's calls cost: v2 counts the comments of a list one item at a time, and inline comments ask once for
 * each sentence. Nobody was told; Belay has to find both, and name the release and the flag.
 */
import { type Clock, sayCount, sayDuration } from '@belay/base'
import { type CallChangeWire, type Client, routes } from '@belay/protocol'
import type { Tell } from './tell.ts'

export type Costs = {
  /** Calls of production that were recorded, and methods. */
  calls: number | null
  methods: number | null
  /** The sentences by which they were named. */
  release: string | null
  flag: string | null
  /** From the end of the climb until both were named. */
  namedMs: number | null
}
export const emptyCosts = (): Costs => ({ calls: null, methods: null, release: null, flag: null, namedMs: null })

/** Recorders send every two seconds, Belay looks every ten; a busy machine takes some more. */
const namedWithinMs = 60_000
const lookEveryMs = 500
const environment = 'production'

type Scene = {
  readonly client: Client
  readonly tell: Tell
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly check: (name: string, ok: boolean, because: string) => void
}

/** Tells it, adds its checks and fills `told`. */
export async function playCosts({ client, tell, clock, signal, check }: Scene, told: Costs): Promise<void> {
  const beganMs = clock.now()
  const named = async (kind: 'release' | 'flag', cause: string, method: string): Promise<CallChangeWire | undefined> => {
    const { changes } = await client.call(routes.calls.changes, { query: { environment, kind, cause } }, signal)
    return changes.find((it) => it.method === method && it.measure === 'statements' && it.dearer)
  }
  let release: CallChangeWire | undefined
  let flag: CallChangeWire | undefined
  while (clock.now() - beganMs < namedWithinMs) {
    release ??= await named('release', 'release:v2', 'Items.getList')
    flag ??= await named('flag', 'flag:inline-comments', 'Items.get')
    if (release && flag) break
    await clock.sleep(lookEveryMs, signal)
  }
  const namedMs = clock.now() - beganMs
  Object.assign(told, { release: release?.says ?? null, flag: flag?.says ?? null, namedMs: release && flag ? namedMs : null })

  const table = await client.call(routes.calls.table, { query: { environment } }, signal)
  Object.assign(told, { calls: table.total.count, methods: table.total.methods })
  tell.say('calls', `${sayCount(table.total.count, 'call')} of ${sayCount(table.total.methods, 'method')} recorded: ${client.url}/calls`)
  for (const { method, count, real, cpu, statements } of table.rows.slice(0, 3))
    tell.say(
      'calls',
      `${method.padEnd(24)} ${sayCount(count, 'call')}, ${ms(real.mean)} ms each, ${ms(cpu.mean)} ms of CPU, ${statements.mean.toFixed(1)} statements`,
    )
  for (const it of [release, flag]) if (it) tell.say('calls', it.says, 'bad')
  const missing = `nothing after ${sayDuration(namedMs)}`
  check('Changes name v2 for the repeated query in Items.getList', release !== undefined, release?.says ?? missing)
  check('Changes name inline-comments for the repeated query in Items.get', flag !== undefined, flag?.says ?? missing)
  const { flags } = await client.call(routes.calls.flagCosts, { query: { environment, flag: 'inline-comments' } }, signal)
  const row = flags.flatMap((it) => it.rows).find((it) => it.method === 'Items.get')
  check(
    'Cost of a flag shows what inline-comments adds to Items.get',
    row?.differences.statements.shown === true && row.differences.statements.difference > 0,
    row === undefined
      ? 'Items.get is not in it'
      : `${row.differences.statements.before.toFixed(1)} statements without, ${row.differences.statements.after.toFixed(1)} with`,
  )
}

const ms = (us: number): string => (us / 1_000).toFixed(us < 10_000 ? 1 : 0)
