/**
 * Two networks by the sessions that each carried. Sessions are compared with sessions of the same purpose, one figure a session, by ranks
 * (`ranks.ts`), so that one long session does not speak for all. A difference is shown only where chance would make one so great over
 * all measures together in fewer than 5 of 100 comparisons, and where it is large enough to matter.
 */
import type { SessionRecord } from '../types.ts'
import { type Measure, measures } from './measures.ts'
import { type Matched, match } from './purposes.ts'
import {
  chanceOfGroups,
  chanceOfPairs,
  effectOfGroups,
  effectOfPairs,
  holm,
  randomFrom,
  shiftOfGroups,
  shiftOfPairs,
  type Stratum,
} from './ranks.ts'
import type { Compared, CompareOptions, Comparison, Costs, Resources, Spread } from './types.ts'
import { count, list, percent, size, time, whole } from './words.ts'

/** With five on each side not even the clearest difference of one measure could pass for certain among fifteen (2 chances of 252). */
export const sessionsMin = 6
/** Ten pairs: the clearest difference has 2 chances of 1,024. */
export const pairsMin = 10
/** More sessions are drawn from at random: beyond this many an interval hardly narrows, and the sums stay at about a second. */
export const sessionsMax = 5000
const alpha = 0.05
/** Cliff's delta as words (Romano et al., 2006). */
const effectSizes = [
  [0.147, 'negligible'],
  [0.33, 'small'],
  [0.474, 'medium'],
] as const

/** Compares what A and B measured. The same sessions and seed give the same figures. */
export function compareSessions(a: readonly SessionRecord[], b: readonly SessionRecord[], options: CompareOptions): Comparison {
  const random = randomFrom(options.seed)
  const [drawnA, drawnB] = [drawn(a, random), drawn(b, random)]
  const matched = match(drawnA, drawnB)
  const tried = measures.map((measure) => tryMeasure(measure, matched, drawnA, drawnB, random))
  // What is the same in every session can show nothing, and needs no share of the certainty.
  const able = tried.filter(({ p }) => p !== null)
  const adjusted = holm(able.map(({ p }) => p ?? 1))
  const compared = tried.map((one) => decide(one, one.p === null ? null : (adjusted[able.indexOf(one)] ?? 1)))
  const by = matched.pairs ? 'pairs' : 'purposes'
  const costs = { a: costsOf(a, options.resources?.a), b: costsOf(b, options.resources?.b) }
  const outcome = overall(compared)
  return {
    outcome,
    sentences: sentencesOf(outcome, compared, matched, costs, a.length, b.length),
    sessions: { a: a.length, b: b.length },
    unmatched: matched.pairs ? { a: 0, b: 0 } : matched.unmatched,
    by,
    method: methodOf(by, able.length),
    purposes: matched.purposes.map(({ purpose }) => purpose),
    measures: compared,
    costs,
  }
}

function drawn(records: readonly SessionRecord[], random: () => number): readonly SessionRecord[] {
  if (records.length <= sessionsMax) return records
  const all = [...records]
  for (let i = 0; i < sessionsMax; i++) {
    const at = i + Math.floor(random() * (all.length - i))
    const [here, there] = [all[i], all[at]]
    if (here && there) [all[i], all[at]] = [there, here]
  }
  return all.slice(0, sessionsMax)
}

type Tried = Omit<Compared, 'pAdjusted' | 'outcome' | 'because'> & { readonly of: Measure; readonly enough: boolean }

function tryMeasure(
  measure: Measure,
  matched: Matched,
  a: readonly SessionRecord[],
  b: readonly SessionRecord[],
  random: () => number,
): Tried {
  const scale = (value: number) => (measure.as === 'ratio' ? Math.log(value) : value)
  const back = (value: number) => (measure.as === 'ratio' ? Math.exp(value) : value)
  const facts = { of: measure, measure: measure.measure, label: measure.label, unit: measure.unit, better: measure.better }
  if (matched.pairs) {
    const both = matched.pairs.flatMap(([x, y]) => {
      const [one, other] = [measure.of(x), measure.of(y)]
      return one === null || other === null ? [] : [[one, other] as const]
    })
    const spreads = { a: spreadOf(both.map(([one]) => one)), b: spreadOf(both.map(([, other]) => other)) }
    if (both.length < pairsMin) return { ...facts, ...spreads, change: null, effect: null, effectSize: null, p: null, enough: false }
    const differences = both.map(([one, other]) => (one === other ? 0 : scale(other) - scale(one)))
    const shift = shiftOfPairs(differences)
    const effect = effectOfPairs(differences)
    const p = differences.some((difference) => difference !== 0) ? chanceOfPairs(differences, random) : null
    return { ...facts, ...spreads, change: changeOf(measure, shift, back), effect, effectSize: sizeOf(effect), p, enough: true }
  }
  const groups = measure.ofPort ? byPort(a, b) : matched.purposes
  const strata: Stratum[] = []
  for (const group of groups) {
    const values = { a: valuesOf(group.a, measure), b: valuesOf(group.b, measure) }
    if (values.a.length > 0 && values.b.length > 0) strata.push(values)
  }
  const [allA, allB] = [strata.flatMap((stratum) => stratum.a), strata.flatMap((stratum) => stratum.b)]
  const spreads = { a: spreadOf(allA), b: spreadOf(allB) }
  if (allA.length < sessionsMin || allB.length < sessionsMin)
    return { ...facts, ...spreads, change: null, effect: null, effectSize: null, p: null, enough: false }
  const scaled = strata.map((stratum) => ({ a: stratum.a.map(scale), b: stratum.b.map(scale) }))
  const effect = effectOfGroups(scaled)
  const p = strata.some(differs) ? chanceOfGroups(scaled, random) : null
  return {
    ...facts,
    ...spreads,
    change: changeOf(measure, shiftOfGroups(scaled), back),
    effect,
    effectSize: sizeOf(effect),
    p,
    enough: true,
  }
}

const differs = ({ a, b }: Stratum) => [...a, ...b].some((value) => value !== a[0])
const changeOf = (measure: Measure, shift: { estimate: number; low: number; high: number }, back: (value: number) => number) => ({
  as: measure.as,
  estimate: back(shift.estimate),
  low: back(shift.low),
  high: back(shift.high),
})
const sizeOf = (effect: number) => effectSizes.find(([below]) => Math.abs(effect) < below)?.[1] ?? 'large'

function valuesOf(records: readonly SessionRecord[], measure: Measure): number[] {
  return records.flatMap((record) => measure.of(record) ?? [])
}

function byPort(a: readonly SessionRecord[], b: readonly SessionRecord[]) {
  const ports = new Set(a.map((record) => record.server.port))
  const of = (records: readonly SessionRecord[], port: number) => records.filter((record) => record.server.port === port)
  return [...ports].map((port) => ({ a: of(a, port), b: of(b, port) }))
}

function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((x, y) => x - y)
  const at = (share: number) => {
    const place = share * (sorted.length - 1)
    const below = sorted[Math.floor(place)] ?? 0
    return below + (place - Math.floor(place)) * ((sorted[Math.ceil(place)] ?? below) - below)
  }
  if (sorted.length === 0) return { sessions: 0, p25: null, median: null, p75: null, mean: null }
  return {
    sessions: sorted.length,
    p25: at(0.25),
    median: at(0.5),
    p75: at(0.75),
    mean: sorted.reduce((sum, value) => sum + value, 0) / sorted.length,
  }
}

function decide({ of, enough, ...tried }: Tried, pAdjusted: number | null): Compared {
  const none = (because: string): Compared => ({ ...tried, pAdjusted, outcome: 'no difference shown', because })
  const { a, b, change, effect } = tried
  if (!enough || !change || effect === null)
    return none(`Too few sessions have it: ${whole(a.sessions)} of A and ${whole(b.sessions)} of B.`)
  if (pAdjusted === null) return none(`It is ${of.say(a.median ?? 0)} in every session.`)
  const figures = `${figuresOf(of, a, b)}${byMeans(a, b) ? '' : `; ${intervalOf(of, change)}`}`
  if (pAdjusted > alpha) return none(`${figures}: chance alone may do that.`)
  const distance = Math.abs(change.as === 'ratio' ? Math.log(change.estimate) : change.estimate)
  // A median that does not move says nothing of what most sessions do not have at all: there the means speak.
  const moved = distance > 0 || change.as === 'ratio' ? distance : Math.abs((b.mean ?? 0) - (a.mean ?? 0))
  if (Math.abs(effect) < effectSizes[0][0] && of.measure !== 'neverOpened')
    return none(`${figures}: certain, but nearly all sessions overlap (Cliff's delta ${effect.toFixed(2)}).`)
  if (moved < (change.as === 'ratio' ? Math.log1p(of.matters) : of.matters)) return none(`${figures}: certain, but too small to matter.`)
  const outcome = effect > 0 === (of.better === 'higher') ? 'better in B' : 'better in A'
  return { ...tried, pAdjusted, outcome, because: `${figures}; ${sizeOf(effect)} effect (Cliff's delta ${effect.toFixed(2)}).` }
}

/** Where the medians do not differ, the means do, of what most sessions do not have at all. */
const byMeans = (a: Spread, b: Spread) => a.median === b.median

function figuresOf(of: Measure, a: Spread, b: Spread): string {
  const byMean = byMeans(a, b)
  const [one, other] = byMean ? [a.mean ?? 0, b.mean ?? 0] : [a.median ?? 0, b.median ?? 0]
  return `${byMean ? 'Mean' : 'Median'} ${of.say(one)} in A, ${of.say(other)} in B`
}

function intervalOf(of: Measure, change: NonNullable<Compared['change']>): string {
  if (change.as === 'ratio') {
    return `B ${ratioOf(change.estimate)} (95 % interval ${ratioOf(change.low)} to ${ratioOf(change.high)})`
  }
  return `B ${signed(change.estimate, of.say)} (95 % interval ${signed(change.low, of.say)} to ${signed(change.high, of.say)})`
}

/** `+12 %`, `-8 %`; from twice as much on `3.1 times`. */
const ratioOf = (ratio: number) => (ratio >= 2 ? `${timesOf(ratio)} times` : signed(ratio - 1, percent))
const timesOf = (ratio: number) => (ratio >= 100 ? whole(ratio) : ratio.toFixed(1))

const signed = (value: number, say: (value: number) => string) => (value === 0 ? say(0) : `${value > 0 ? '+' : '-'}${say(Math.abs(value))}`)

function overall(compared: readonly Compared[]): Comparison['outcome'] {
  const outcomes = new Set(shown(compared, 'service').map(({ outcome }) => outcome))
  if (outcomes.size === 2) return 'each better in something'
  return [...outcomes][0] ?? 'no difference shown'
}

const aboutOf = new Map(measures.map(({ measure, about }) => [measure, about]))
/** What differs, the greatest effect first. */
function shown(compared: readonly Compared[], about: Measure['about']): Compared[] {
  return compared
    .filter(({ measure, outcome }) => outcome !== 'no difference shown' && aboutOf.get(measure) === about)
    .sort((x, y) => Math.abs(y.effect ?? 0) - Math.abs(x.effect ?? 0))
}

/** `round trip, median 18 % lower in B (12 to 24 %)`. */
function inWords(one: Compared): string {
  const of = measures.find(({ measure }) => measure === one.measure)
  const { change, a, b } = one
  if (!of || !change) return one.label
  const more = (one.effect ?? 0) > 0
  if (change.as === 'ratio' && change.estimate >= 2) {
    return `${one.label} ${timesOf(change.estimate)} times as high in B (${timesOf(change.low)} to ${timesOf(change.high)})`
  }
  if (change.as === 'ratio') {
    if (change.low < 1 !== change.high < 1)
      return `${one.label} ${ratioOf(change.estimate)} in B (${ratioOf(change.low)} to ${ratioOf(change.high)})`
    const ends = [change.low, change.high].map((ratio) => Math.abs(ratio - 1)).sort((x, y) => x - y)
    const [near = 0, far = 0] = ends
    return `${one.label} ${percent(Math.abs(change.estimate - 1))} ${more ? 'higher' : 'lower'} in B (${percent(near).replace(' %', '')} to ${percent(far)})`
  }
  const byMean = byMeans(a, b)
  const [from, to] = byMean ? [a.mean ?? 0, b.mean ?? 0] : [a.median ?? 0, b.median ?? 0]
  return `${one.label} ${of.say(from)} in A and ${of.say(to)} in B${byMean ? ' on average' : ''}`
}

function sentencesOf(
  outcome: Comparison['outcome'],
  compared: readonly Compared[],
  matched: Matched,
  costs: Comparison['costs'],
  sessionsA: number,
  sessionsB: number,
): string[] {
  const service = shown(compared, 'service')
  const said: string[] = []
  const of = (side: 'A' | 'B') =>
    list(
      service
        .filter((one) => one.outcome === `better in ${side}`)
        .slice(0, 4)
        .map(inWords),
    )
  const used = compared.find(({ measure }) => measure === 'neverOpened')
  const looked = compared.filter(({ p }) => p !== null).length
  const among = `${count(used?.a.sessions ?? 0, 'session')} of A and ${whole(used?.b.sessions ?? 0)} of B`
  if (outcome === 'each better in something') said.push(`Each is better in something, among ${among}. A: ${of('A')}.`, `B: ${of('B')}.`)
  else if (outcome === 'no difference shown') {
    const few = compared.every(({ p, change }) => p === null && change === null)
    said.push(
      few
        ? `No difference shown: too few sessions to tell, ${among}; ${matched.pairs ? `${pairsMin} pairs` : `${sessionsMin} like ones on each side`} are the least.`
        : `No difference shown between A and B in how sessions were served: ${count(looked, 'measure')} of ${among}.`,
    )
  } else said.push(`${outcome === 'better in A' ? 'A' : 'B'} serves better, among ${among}: ${of(outcome === 'better in A' ? 'A' : 'B')}.`)
  const cost = shown(compared, 'cost')
  const wire = `Bytes on the wire for each that arrived: A ${bytesFor(costs.a)}, B ${bytesFor(costs.b)}`
  if (costs.a.wireBytesPerGoodByte !== null && costs.b.wireBytesPerGoodByte !== null) {
    said.push(cost.length > 0 ? `${wire}; ${list(cost.map(inWords))}.` : `${wire}; no difference shown session by session.`)
  }
  said.push(...resourceSentences(costs))
  const left = matched.pairs ? { a: 0, b: 0 } : matched.unmatched
  if (left.a + left.b > 0) {
    said.push(`Left out: ${count(left.a, 'session')} of A and ${whole(left.b)} of B, as the other side has none to that port of that size.`)
  }
  if (Math.max(sessionsA, sessionsB) > sessionsMax)
    said.push(`Of more than ${whole(sessionsMax)} sessions of a side that many were drawn at random.`)
  return said
}

const bytesFor = (costs: Costs) => `${(costs.wireBytesPerGoodByte ?? 0).toFixed(3)} (${size(costs.wireBytes)})`

function resourceSentences({ a, b }: Comparison['costs']): string[] {
  const parts: string[] = []
  if (a.cpuMs !== null && b.cpuMs !== null) {
    const each = (costs: Costs) => (costs.cpuMsPerMegabyte === null ? '' : ` (${time(costs.cpuMsPerMegabyte)} for a megabyte)`)
    parts.push(`CPU: A ${time(a.cpuMs)}${each(a)}, B ${time(b.cpuMs)}${each(b)}`)
  }
  if (a.memoryBytes !== null && b.memoryBytes !== null) parts.push(`memory: A ${size(a.memoryBytes)}, B ${size(b.memoryBytes)}`)
  return parts.length > 0
    ? [
        `${parts.join('; ')}. One figure a side has no interval: what differs by chance from run to run it does not tell.`.replace(
          /^m/,
          'M',
        ),
      ]
    : []
}

function costsOf(records: readonly SessionRecord[], resources: Resources | undefined): Costs {
  let [goodBytes, wireBytes, packets] = [0, 0, 0]
  for (const { directions } of records) {
    for (const way of directions) {
      goodBytes += way.goodBytes
      wireBytes += way.wireBytes
      packets += way.packets
    }
  }
  const perMegabyte = (value: number | undefined) => (value === undefined || goodBytes === 0 ? null : (value * 1e6) / goodBytes)
  return {
    goodBytes,
    wireBytes,
    wireBytesPerGoodByte: goodBytes > 0 ? wireBytes / goodBytes : null,
    packetsPerMegabyte: perMegabyte(packets),
    cpuMs: resources?.cpuMs ?? null,
    cpuMsPerMegabyte: perMegabyte(resources?.cpuMs),
    memoryBytes: resources?.memoryBytes ?? null,
  }
}

function methodOf(by: Comparison['by'], looked: number): string {
  const [test, shift] =
    by === 'pairs'
      ? ["the k-th session of A with the k-th of B: Wilcoxon's signed ranks", 'Hodges and Lehmann on the means of two differences']
      : ["sessions of the same port and size: van Elteren's stratified rank sum", 'Hodges and Lehmann on the differences of like sessions']
  return `By ${test}, chances by permutation, corrected for ${count(looked, 'measure')} after Holm; estimates and 95 % intervals by ${shift}; effects as Cliff's delta.`
}
