/** The classic format of libpcap: a header of 24 bytes, then records. draft-ietf-opsawg-pcap. */
import { type Format, keptMax, recordMax, type Target } from './format.ts'

const magics: Readonly<Record<number, readonly [name: string, nanoseconds: boolean, header: number]>> = {
  0xa1b2c3d4: ['pcap', false, 16],
  0xa1b23c4d: ['pcap, nanoseconds', true, 16],
  // Of Alexey Kuznetzov's patched libpcap: each record also says its interface, protocol and direction.
  0xa1b2cd34: ['pcap, modified', false, 24],
}

export const pcapHeader = 24

/** Whether the four bytes begin such a file. */
export function isPcap(view: DataView, at: number): boolean {
  return view.getUint32(at) in magics || view.getUint32(at, true) in magics
}

export class Pcap implements Format {
  readonly name: string
  needed: number
  skip = 0
  stopped = false
  readonly #little: boolean
  readonly #unit: number
  readonly #unitsMax: number
  readonly #header: number
  readonly #linkType: number
  readonly #max: number
  /** Before version 2.3 the two lengths of a record stood the other way round. */
  readonly #swapped: boolean
  readonly #target: Target

  /** From the file's header, which is at the beginning of `view`. */
  constructor(view: DataView, target: Target) {
    this.#little = view.getUint32(0, true) in magics
    const [name, nanoseconds, header] = magics[view.getUint32(0, this.#little)] as (typeof magics)[number]
    this.name = this.#little ? name : `${name}, big-endian`
    this.#unit = nanoseconds ? 1 : 1000
    this.#unitsMax = nanoseconds ? 1e9 : 1e6
    this.#header = header
    const major = view.getUint16(4, this.#little)
    const minor = view.getUint16(6, this.#little)
    this.#swapped = major === 2 && minor < 3
    // The upper bits tell of a frame check sequence.
    this.#linkType = view.getUint32(20, this.#little) & 0x03ff_ffff
    this.#max = recordMax(this.#linkType)
    this.needed = header
    this.#target = target
    target.findings.interfaces.push({ linkType: this.#linkType, drops: null })
  }

  take(bytes: Uint8Array, view: DataView, start: number, end: number, origin: number): number {
    const little = this.#little
    const header = this.#header
    const max = this.#max
    const unit = this.#unit
    const linkType = this.#linkType
    const { sink, findings } = this.#target
    let at = start
    while (end - at >= header) {
      let captured = view.getUint32(at + 8, little)
      let wire = view.getUint32(at + 12, little)
      if (this.#swapped) [captured, wire] = [wire, captured]
      if (captured > max) {
        this.stopped = true
        findings.warn(
          `The record at byte ${origin + at} claims ${captured} bytes where ${max} are the most: the file is damaged from there on, and only what comes before was read.`,
        )
        return at
      }
      const kept = captured > keptMax ? keptMax : captured
      if (end - at < header + kept) {
        this.needed = header + kept
        return at
      }
      let sec = view.getUint32(at, little)
      let units = view.getUint32(at + 4, little)
      if (units >= this.#unitsMax) {
        findings.warn('Some times have a fraction of more than a second; it was carried over.')
        sec += Math.floor(units / this.#unitsMax)
        units %= this.#unitsMax
      }
      findings.packets += 1
      sink.frame(bytes, at + header, kept, wire, linkType, sec, units * unit)
      at += header + captured
      if (at > end) {
        this.skip = at - end
        at = end
      }
    }
    this.needed = header
    return at
  }
}
