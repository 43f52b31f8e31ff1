/** What a reader says of a file when it has come to its end. */
export type ReadSummary = {
  /** Such as "pcap, nanoseconds, big-endian". */
  readonly format: string
  readonly packets: number
  /** Of the capture itself (unpacked). */
  readonly bytes: number
  /** Sentences about the file as a whole, each once. */
  readonly warnings: readonly string[]
  readonly interfaces: readonly CaptureInterface[]
  /** Notes that people left in the file. */
  readonly comments: number
  /** Packets that reached nobody, by why. */
  readonly notUnderstood: Readonly<Record<string, number>>
}

export type CaptureInterface = {
  readonly linkType: number
  /** Packets that the kernel or the card dropped, as the file tells; null: it does not. */
  readonly drops: number | null
}

/** Takes frames out of a file. One call for each; nothing of `bytes` may be kept beyond it. */
export type FrameSink = {
  /**
   * @param at where the frame begins in `bytes`, `captured` bytes of it are there
   * @param wire its bytes on the wire
   * @param linkType of tcpdump.org/linktypes.html
   * @param sec since the epoch
   */
  frame(bytes: Uint8Array, at: number, captured: number, wire: number, linkType: number, sec: number, nsec: number): void
}

/** Gathers what is said of a file while it is read. */
export class Findings {
  packets = 0
  comments = 0
  readonly interfaces: { linkType: number; drops: number | null }[] = []
  readonly notUnderstood: Record<string, number> = {}
  readonly #warnings = new Set<string>()

  warn(sentence: string): void {
    // Each sentence is of one of a few kinds, and most come once; a file made of damage must not make a list of it.
    if (this.#warnings.size < warningsMax) this.#warnings.add(sentence)
  }

  missed(reason: string): void {
    this.notUnderstood[reason] = (this.notUnderstood[reason] ?? 0) + 1
  }

  summary(format: string, bytes: number): ReadSummary {
    const { packets, comments, interfaces, notUnderstood } = this
    const dropped = interfaces.reduce((sum, { drops }) => sum + (drops ?? 0), 0)
    if (dropped > 0) this.warn(`The capture itself lost ${dropped} packets, as the file tells: losses may be its own.`)
    return { format, packets, bytes, warnings: [...this.#warnings], interfaces, comments, notUnderstood }
  }
}

/** A person reads a handful; there are about ten kinds. */
const warningsMax = 32
