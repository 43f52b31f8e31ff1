/** The stretch of time that all graphs of a session show, and round numbers along an axis. */

/** Captures tell nanoseconds, but nothing happens twice in one microsecond. */
const spanMinNs = 1_000

export type Bounds = readonly [low: number, high: number]

/** One for all graphs; each draws again when it is told. */
export class TimeView {
  from: number
  to: number
  /** The sequence numbers that are shown; undefined: those of the time that is shown. */
  height: Bounds | undefined
  private readonly firstNs: number
  private readonly lastNs: number
  private readonly watchers = new Set<() => void>()

  constructor(endNs: number) {
    // A little room, so that what happens first and last is not on the edge.
    const room = Math.max(endNs * 0.015, spanMinNs)
    this.firstNs = -room
    this.lastNs = endNs + room
    this.from = this.firstNs
    this.to = this.lastNs
  }

  get isWhole(): boolean {
    return this.from === this.firstNs && this.to === this.lastNs && this.height === undefined
  }

  watch(tell: () => void): () => void {
    this.watchers.add(tell)
    return () => void this.watchers.delete(tell)
  }

  /** Shows this stretch, kept within the session's life. */
  show(from: number, to: number, height = this.height): void {
    const span = Math.min(Math.max(to - from, spanMinNs), this.lastNs - this.firstNs)
    const start = Math.min(Math.max(from, this.firstNs), this.lastNs - span)
    this.from = start
    this.to = start + span
    this.height = height
    for (const tell of this.watchers) tell()
  }

  pan(ns: number, up = 0): void {
    const height: Bounds | undefined = this.height === undefined ? undefined : [this.height[0] + up, this.height[1] + up]
    const span = this.to - this.from
    const from = Math.min(Math.max(this.from + ns, this.firstNs), this.lastNs - span)
    this.show(from, from + span, height)
  }

  /** @param factor below 1: nearer. What is at `atNs` (and at `atHeight`, where the height was chosen) stays where it is. */
  zoom(factor: number, atNs: number, atHeight?: number): void {
    const about = (value: number, at: number) => at + (value - at) * factor
    const { height } = this
    const next: Bounds | undefined =
      height === undefined || atHeight === undefined ? height : [about(height[0], atHeight), about(height[1], atHeight)]
    this.show(about(this.from, atNs), about(this.to, atNs), next)
  }

  reset(): void {
    this.height = undefined
    this.show(this.firstNs, this.lastNs, undefined)
  }
}

/** Round values from `low` to `high`, about `most` of them: 1, 2 or 5 times a power of ten apart. */
export function ticksOf(low: number, high: number, most: number): { readonly step: number; readonly values: readonly number[] } {
  const rough = Math.max(high - low, Number.MIN_VALUE) / Math.max(1, most)
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = ([1, 2, 5].find((it) => it * power >= rough) ?? 10) * power
  const values: number[] = []
  for (let at = Math.ceil(low / step); at * step <= high && values.length < 200; at++) values.push(at * step + 0)
  return { step, values }
}

/** A moment on the axis: "0", "1.25 s", "250 ms", "1.2503 s"; as many digits as the step needs. */
export function sayTick(ns: number, stepNs: number): string {
  if (Math.abs(ns) < stepNs / 2) return '0'
  const [unit, size] =
    stepNs >= 1e8 || Math.abs(ns) >= 1e9
      ? (['s', 1e9] as const)
      : stepNs >= 1e5 || Math.abs(ns) >= 1e6
        ? (['ms', 1e6] as const)
        : (['µs', 1e3] as const)
  const digits = Math.max(0, Math.min(9, -Math.floor(Math.log10(stepNs / size) + 1e-9)))
  return `${(ns / size).toFixed(digits)} ${unit}`
}
