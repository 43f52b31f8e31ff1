/** The least and greatest value of any range of a column, without reading the range. */

/** Blocks of the lowest level: so few values are read one by one at each end of a range. */
const blockBits = 4
const fanBits = 3

type Level = { readonly shift: number; readonly min: Float64Array; readonly max: Float64Array }

/**
 * A million values take 1 MB more in blocks of 16, 128, 1024 ...; a range reads at most 15 values and 7 blocks a level at
 * each of its ends.
 */
export class Pyramid {
  /** Of the last range that was asked for; not numbers when it was empty. */
  min = Number.NaN
  max = Number.NaN
  private readonly low: Float64Array
  private readonly high: Float64Array
  private readonly levels: Level[] = []

  /** @param high where a value is itself a range, its upper end; else the same column */
  constructor(low: Float64Array, high: Float64Array = low) {
    this.low = low
    this.high = high
    let [min, max] = [low, high]
    for (let bits = blockBits, shift = blockBits; min.length > 1 << bits; bits = fanBits, shift += fanBits) {
      const count = Math.ceil(min.length / (1 << bits))
      const level = { shift, min: new Float64Array(count).fill(Infinity), max: new Float64Array(count).fill(-Infinity) }
      for (let i = 0; i < min.length; i++) {
        const at = i >> bits
        const [lower, upper] = [min[i] as number, max[i] as number]
        if (lower < (level.min[at] as number)) level.min[at] = lower
        if (upper > (level.max[at] as number)) level.max[at] = upper
      }
      this.levels.push(level)
      ;({ min, max } = level)
    }
  }

  /** Looks at the values from `from` up to, not including, `to`. @returns whether there are any */
  range(from: number, to: number): boolean {
    this.min = Infinity
    this.max = -Infinity
    this.look(from, to, this.levels.length - 1)
    if (this.min <= this.max) return true
    this.min = this.max = Number.NaN
    return false
  }

  private look(from: number, to: number, height: number): void {
    if (from >= to) return
    const level = this.levels[height]
    if (level === undefined) {
      this.take(this.low, this.high, from, to)
      return
    }
    const first = (from + (1 << level.shift) - 1) >> level.shift
    const last = to >> level.shift
    if (first >= last) {
      this.look(from, to, height - 1)
      return
    }
    this.take(level.min, level.max, first, last)
    this.look(from, first << level.shift, height - 1)
    this.look(last << level.shift, to, height - 1)
  }

  private take(min: Float64Array, max: Float64Array, from: number, to: number): void {
    for (let i = from; i < to; i++) {
      if ((min[i] as number) < this.min) this.min = min[i] as number
      if ((max[i] as number) > this.max) this.max = max[i] as number
    }
  }
}

/** The first place from `from` on whose value is not below `value`, in a column that never goes down. */
export function placeOf(column: Float64Array, value: number, from = 0, to = column.length): number {
  let [low, high] = [from, to]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((column[middle] as number) < value) low = middle + 1
    else high = middle
  }
  return low
}
