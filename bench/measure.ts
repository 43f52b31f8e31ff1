/** What every bench uses: honest comparisons in one run, and rows that say whether the goal was met. */

export type Row = {
  readonly name: string
  /** Ours, as the median of the rounds, in `unit`. */
  readonly ours: number
  /** The peer, measured in the same run, in turns with ours; null where there is nobody to compare with. */
  readonly peer: number | null
  readonly peerName: string | null
  readonly unit: string
  /** ours / peer. */
  readonly ratio: number | null
  /** In words, `ratio >= 0.5`; null for a figure that is only reported. */
  readonly goal: string | null
  readonly met: boolean | null
}

export type Bench = {
  /** One line for the list of benches. */
  readonly about: string
  rows(options: BenchOptions): Promise<Row[]>
}

export type BenchOptions = {
  /** How often each contender is measured; the median counts. */
  readonly rounds: number
  /** A small size, to see that it runs; a bench that has only one size takes that. */
  readonly quick: boolean
  /** Says what is going on (on stderr). */
  readonly note: (text: string) => void
}

/** What must hold, of the figure itself or of its ratio to the peer. */
export type Goal = { readonly of: 'ours' | 'ratio'; readonly atLeast: number } | { readonly of: 'ours' | 'ratio'; readonly atMost: number }

export function row(
  about: { readonly name: string; readonly unit: string; readonly ours: number } & {
    readonly peer?: { readonly name: string; readonly value: number }
    readonly goal?: Goal
  },
): Row {
  const { name, unit, ours, peer, goal } = about
  const ratio = peer === undefined ? null : ours / peer.value
  const figures = { name, ours, peer: peer?.value ?? null, peerName: peer?.name ?? null, unit, ratio }
  if (goal === undefined) return { ...figures, goal: null, met: null }
  const figure = goal.of === 'ours' ? ours : ratio
  if (figure === null) throw new Error(`the goal of "${name}" is about a ratio, and there is no peer`)
  const words = goal.of === 'ours' ? '' : 'ratio '
  const unitWords = goal.of === 'ours' ? ` ${unit}` : ''
  return 'atLeast' in goal
    ? { ...figures, goal: `${words}>= ${goal.atLeast}${unitWords}`, met: figure >= goal.atLeast }
    : { ...figures, goal: `${words}<= ${goal.atMost}${unitWords}`, met: figure <= goal.atMost }
}

/**
 * Measures all contenders in turns, `rounds` times, and gives each one's median. The order alternates, so that neither
 * a machine that slows down nor a warm cache favours one of them. A contender answers its own figure.
 */
export async function interleaved<Name extends string>(
  rounds: number,
  contenders: Readonly<Record<Name, () => number | Promise<number>>>,
): Promise<Record<Name, number>> {
  const names = Object.keys(contenders) as Name[]
  const figures = new Map<Name, number[]>(names.map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) figures.get(name)?.push(await contenders[name]())
  }
  return Object.fromEntries(names.map((name) => [name, median(figures.get(name) ?? [])])) as Record<Name, number>
}

/** Milliseconds that `work` takes, as the wall clock sees it. */
export async function elapsedMs(work: () => unknown): Promise<number> {
  const startMs = performance.now()
  await work()
  return performance.now() - startMs
}

/** The middle of the values, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new Error('there is no median of nothing')
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  const [low, high] = [sorted[Math.ceil(middle) - 1] as number, sorted[Math.floor(middle)] as number]
  return (low + high) / 2
}
