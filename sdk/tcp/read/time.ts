/**
 * Times of pcapng: 64-bit counts of an interface's own unit, divided into seconds and nanoseconds without BigInt where that
 * can be exact, which is so for every unit that is in use.
 */
export class Ticks {
  sec = 0
  nsec = 0
  readonly #perSecond: number
  readonly #big: bigint
  readonly #offset: number
  readonly #nsPer: number
  readonly #exact: boolean

  /**
   * @param resolution the byte of if_tsresol: a negative power of ten, or of two with its high bit
   * @param offset seconds to add
   */
  constructor(resolution: number, offset: number) {
    const exponent = resolution & 0x7f
    this.#big = (resolution & 0x80) === 0 ? 10n ** BigInt(exponent) : 2n ** BigInt(exponent)
    this.#perSecond = Number(this.#big)
    this.#offset = offset
    this.#nsPer = 1e9 / this.#perSecond
    // A remainder times 65,536 and a remainder in nanoseconds must stay below 2^53.
    this.#exact = this.#perSecond <= 1e9 && (Number.isInteger(this.#nsPer) || this.#perSecond <= 2 ** 22)
  }

  /** Sets `sec` and `nsec`. */
  set(high: number, low: number): void {
    const per = this.#perSecond
    if (!this.#exact) {
      const ticks = (BigInt(high) << 32n) | BigInt(low)
      this.sec = Number(ticks / this.#big) + this.#offset
      this.nsec = Number(((ticks % this.#big) * 1_000_000_000n) / this.#big)
      return
    }
    // Long division, 16 bits at a time.
    const first = Math.floor(high / per)
    const upper = (high - first * per) * 65_536 + (low >>> 16)
    const second = Math.floor(upper / per)
    const lower = (upper - second * per) * 65_536 + (low & 0xffff)
    const third = Math.floor(lower / per)
    this.sec = first * 2 ** 32 + second * 65_536 + third + this.#offset
    this.nsec = Math.floor((lower - third * per) * this.#nsPer)
  }
}
