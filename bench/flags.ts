/** What one evaluation of a flag costs, beside the evaluators that others run in their services. */
import { setFlagsFromString } from 'node:v8'
import { compileFunction, runInNewContext } from 'node:vm'
import {
  belay,
  type Contender,
  flagdCore,
  growthBook,
  isChosen,
  type Scenario,
  segmentAccounts,
  sharePercent,
  unleash,
  type User,
} from './contenders/flags.ts'
import { type BenchOptions, interleaved, median, type Row, row } from './measure.ts'

export const about = 'Evaluating one flag, beside flagd-core, GrowthBook and unleash-client with the same flags: time and allocation.'

const scenarios: readonly (readonly [scenario: Scenario, name: string])[] = [
  ['static', 'static flag'],
  ['ring', `two conditions and ${sharePercent} %`],
  ['rules', `ten rules with a segment`],
]
const flagCounts = [1, 100, 5_000]
/** Some of every kind, and no more than stay in a cache: what is measured is the flag, not the user. */
const userCount = 1_000
/** Long enough for a clock, short enough for a neighbour on the machine to disturb all contenders alike. */
const blockMs = 40
const blocksPerRound = 3
const warmUpBlocks = 8

const users = Array.from(
  { length: userCount },
  (_, nth): User => ({
    targetingKey: `user-${nth}`,
    email: `user-${nth}@${nth % 50 === 0 ? 'example.com' : 'example.org'}`,
    plan: nth % 40 === 1 ? 'early' : 'free',
    country: ['DE', 'FR', 'US', 'JP'][nth % 4] as string,
    account: nth % 30 === 2 ? (segmentAccounts[nth % segmentAccounts.length] as string) : `customer-${nth % 90}`,
  }),
)

type Contenders = Readonly<Record<'belay' | '@openfeature/flagd-core' | '@growthbook/growthbook' | 'unleash-client', Contender>>

export async function rows({ rounds, note }: BenchOptions): Promise<Row[]> {
  const timed: Row[] = []
  const allocated: Row[] = []
  for (const [scenario, name] of scenarios) {
    const bytes: Record<number, number> = {}
    for (const flagCount of flagCounts) {
      const flags = `${flagCount.toLocaleString('en')} flag${flagCount === 1 ? '' : 's'}`
      note(`${name}, ${flags}`)
      const contenders: Contenders = {
        belay: belay(scenario, flagCount, users),
        '@openfeature/flagd-core': flagdCore(scenario, flagCount, users),
        '@growthbook/growthbook': growthBook(scenario, flagCount, users),
        'unleash-client': await unleash(scenario, flagCount, users),
      }
      for (const [who, contender] of Object.entries(contenders)) checkOutcomes(who, scenario, contender)
      timed.push(await timeRow(`${name}, ${flags}`, contenders, flagCount, rounds))
      bytes[flagCount] = bytesEach(contenders.belay, flagCount)
    }
    const [few, many] = [bytes[1] as number, bytes[5_000] as number]
    allocated.push(row({ name: `${name}: allocated, 5,000 flags`, unit: 'bytes', ours: many }))
    // A byte is room for what the machine's own counting allocates.
    allocated.push(row({ name: `${name}: more than with 1 flag`, unit: 'bytes', ours: many - few, goal: { of: 'ours', atMost: 1 } }))
  }
  return [...timed, ...allocated]
}

/** The one that is closest to ours is the peer. */
async function timeRow(name: string, contenders: Contenders, flagCount: number, rounds: number): Promise<Row> {
  const blocks = Object.fromEntries(
    Object.entries(contenders).map(([who, contender]) => {
      const loop = loopFor(who, contender)
      return [who, () => evaluationsPerSecond(loop, flagCount)]
    }),
  ) as Record<keyof Contenders, () => number>
  // The compiler's work is nobody's.
  for (const block of Object.values(blocks)) for (let nth = 0; nth < warmUpBlocks; nth++) block()
  const { belay: ours, ...peers } = await interleaved(rounds * blocksPerRound, blocks)
  const [peer, value] = Object.entries(peers).reduce((best, other) => (other[1] > best[1] ? other : best))
  return row({ name, unit: 'evaluations/s CPU', ours, peer: { name: peer, value }, goal: { of: 'ratio', atLeast: 3 } })
}

let seen = 0

/**
 * All users once, over all flags in turn; what comes out is counted, so that nothing can be left out. Each contender has
 * the loop anew, since each service calls one evaluator: in one loop for all of them the engine would stop looking into
 * whom it calls, and charge everybody for it. Answers the flag that comes next.
 */
function loopFor(who: string, { isOn }: Contender): (flagCount: number, from: number) => number {
  const loop = compileFunction(
    `// ${who}
    let flag = from
    let on = 0
    for (let user = 0; user < userCount; user++) {
      if (isOn(flag, user)) on++
      flag = flag + 1 === flagCount ? 0 : flag + 1
    }
    count(on)
    return flag`,
    ['isOn', 'count', 'userCount', 'flagCount', 'from'],
  ) as (isOn: Contender['isOn'], count: (on: number) => void, userCount: number, flagCount: number, from: number) => number
  const count = (on: number) => void (seen += on)
  return (flagCount, from) => loop(isOn, count, userCount, flagCount, from)
}

/** Of CPU, as a service pays for it. */
function evaluationsPerSecond(loop: ReturnType<typeof loopFor>, flagCount: number): number {
  const endMs = performance.now() + blockMs
  const before = process.cpuUsage()
  let evaluations = 0
  let flag = 0
  do {
    flag = loop(flagCount, flag)
    evaluations += userCount
  } while (performance.now() < endMs)
  const { user, system } = process.cpuUsage(before)
  return evaluations / ((user + system) / 1_000_000)
}

/**
 * Everybody who is chosen is on. Of the others a tenth is, give or take: over the flags of one block, five standard
 * deviations, which a right evaluator misses once in 1,700,000 times.
 */
function checkOutcomes(who: string, scenario: Scenario, { isOn }: Contender): void {
  let others = 0
  let on = 0
  for (const [nth, user] of users.entries()) {
    if (isChosen(scenario, user)) {
      if (!isOn(0, nth)) throw new Error(`${who} says off to ${user.email}, who is chosen`)
      continue
    }
    others++
    if (isOn(0, nth)) on++
  }
  const share = sharePercent / 100
  if (Math.abs(on - others * share) > 5 * Math.sqrt(others * share * (1 - share)))
    throw new Error(`${who} says on to ${on} of ${others}, which is not ${sharePercent} %`)
}

/** So many fit in the youngest part of the heap: nothing is collected while they are counted. */
const allocationsPerCount = 5_000

/** Bytes of the heap that one evaluation takes. The median of several counts, since others allocate too. */
function bytesEach({ isOn }: Contender, flagCount: number): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const counts = Array.from({ length: 9 }, () => {
    collect()
    const before = process.memoryUsage().heapUsed
    for (let nth = 0; nth < allocationsPerCount; nth++) if (isOn(nth % flagCount, nth % userCount)) seen++
    return (process.memoryUsage().heapUsed - before) / allocationsPerCount
  })
  return Math.max(0, Math.round(median(counts)))
}
