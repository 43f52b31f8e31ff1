import { createBelayProvider } from '@belay/node'
import { type Client, InMemoryProvider, OpenFeature, type Provider } from '@openfeature/server-sdk'
import { type BenchOptions, elapsedMs, interleaved, type Row, row } from './measure.ts'

export const about = "Evaluations through the OpenFeature SDK: Belay's provider beside the SDK's own in-memory one."

/** A block is short and comes in many turns, so that a neighbour on the machine disturbs both alike. */
const perBlock = 2_000
const blocksPerRound = 20
const peerName = "the SDK's InMemoryProvider"

/** Both count what is asked of them: counting and exposures are part of what Belay's provider does for its cost. */
const units = Array.from({ length: 1_000 }, (_, nth) => ({ targetingKey: `user-${nth}`, plan: nth % 3 === 0 ? 'pro' : 'free' }))

export async function rows({ rounds, note }: BenchOptions): Promise<Row[]> {
  const ours = await client('ours', belay())
  const peer = await client('peer', inMemory())
  try {
    const blocks = rounds * blocksPerRound
    const result: Row[] = []
    for (const [flag, name] of [
      ['static', 'a static flag'],
      ['targeted', 'a flag with one condition'],
    ] as const) {
      for (const contender of [ours, peer]) await evaluate(contender, flag, 10_000)
      note(`${blocks} blocks of ${perBlock} evaluations of ${name} for each contender`)
      const perSecond = await interleaved(blocks, {
        ours: () => rate(ours, flag),
        peer: () => rate(peer, flag),
      })
      result.push(
        row({
          name: `through the SDK, ${name}`,
          unit: 'evaluations/s',
          ours: perSecond.ours,
          peer: { name: peerName, value: perSecond.peer },
          // Costs at most a fifth more: 1 / 1.2.
          goal: { of: 'ratio', atLeast: 0.833 },
        }),
      )
    }
    return result
  } finally {
    await OpenFeature.clearProviders()
  }
}

/** Its server answers out of memory, so that what is measured has all that a service has, reports included, and no network. */
function belay(): Provider {
  const onOff = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'off', metadata: { kind: 'experiment' } }
  const targeting = { if: [{ '==': [{ var: 'plan' }, 'pro'] }, 'on', 'off'] }
  const document = { flags: { static: onOff, targeted: { ...onOff, targeting } } }
  const answer = async (): Promise<Response> => Response.json(document, { headers: { etag: '"1"', 'x-belay-revision': '1' } })
  return createBelayProvider({ url: 'http://belay.example.test', key: 'bsk_bench', streaming: false, fetch: answer })
}

function inMemory(): Provider {
  const onOff = { variants: { on: true, off: false }, defaultVariant: 'off', disabled: false } as const
  return new InMemoryProvider({ static: onOff, targeted: { ...onOff, contextEvaluator: ({ plan }) => (plan === 'pro' ? 'on' : 'off') } })
}

async function client(domain: string, provider: Provider): Promise<Client> {
  await OpenFeature.setProviderAndWait(domain, provider)
  return OpenFeature.getClient(domain)
}

async function rate(contender: Client, flag: string): Promise<number> {
  return (perBlock / (await elapsedMs(() => evaluate(contender, flag, perBlock)))) * 1_000
}

async function evaluate(contender: Client, flag: string, count: number): Promise<void> {
  let on = 0
  for (let nth = 0; nth < count; nth++) if (await contender.getBooleanValue(flag, false, units[nth % units.length])) on++
  const expected = flag === 'static' ? 0 : (count / units.length) * 334
  if (on !== Math.round(expected)) throw new Error(`${flag} was on ${on} times of ${count}`)
}
