/** The newer format: sections of blocks. draft-ietf-opsawg-pcapng. */
import { type Format, keptMax, recordMax, type Target } from './format.ts'
import { Ticks } from './time.ts'

const sectionHeader = 0x0a0d0d0a
const byteOrder = 0x1a2b3c4d

/** Whether the four bytes begin such a file; the same in both byte orders. */
export function isPcapng(view: DataView, at: number): boolean {
  return view.getUint32(at) === sectionHeader
}

/** Of a block: a packet, what stands before it, and a comment of the longest that an option can hold. */
const blockKept = keptMax + 64 * 1024 + 64

/**
 * Of a section. A packet of the older block can name 65,536; a file that has more is not of this world, and what is kept
 * of each must not add up.
 */
const interfacesMax = 65_536

type Interface = {
  readonly linkType: number
  readonly snaplen: number
  readonly ticks: Ticks
  readonly found: { drops: number | null } | undefined
}

export class Pcapng implements Format {
  name = 'pcapng'
  needed = 12
  skip = 0
  stopped = false
  #little = true
  /** Of this section. */
  #interfaces: Interface[] = []
  #sections = 0
  /** The last packet's time, for those that have none. */
  #sec = 0
  #nsec = 0
  readonly #target: Target

  constructor(target: Target) {
    this.#target = target
  }

  take(bytes: Uint8Array, view: DataView, start: number, end: number, origin: number): number {
    let at = start
    while (end - at >= 12) {
      const type = view.getUint32(at, this.#little)
      // A section's header, whose type reads the same both ways, says in which order it and what follows is written.
      if (type === sectionHeader && !this.#section(view, at, origin)) return at
      const said = view.getUint32(at + 4, this.#little)
      // Some writers forget to count the padding.
      const total = said + (-said & 3)
      if (said < 12) return this.#damaged(at, origin, `claims ${said} bytes`)
      const needed = known(type) ? Math.min(total, blockKept) : 12
      if (end - at < needed) {
        this.needed = needed
        return at
      }
      const whole = needed === total
      if (whole && view.getUint32(at + total - 4, this.#little) !== said)
        return this.#damaged(at, origin, 'gives its length differently at its beginning and at its end')
      if (!this.#block(type, bytes, view, at, whole ? at + total - 4 : at + needed, origin)) return at
      at += total
      if (at > end) {
        this.skip = at - end
        at = end
      }
    }
    this.needed = 12
    return at
  }

  #damaged(at: number, origin: number, what: string): number {
    this.stopped = true
    this.#target.findings.warn(
      `The block at byte ${origin + at} ${what}: the file is damaged from there on, and only what comes before was read.`,
    )
    return at
  }

  #section(view: DataView, at: number, origin: number): boolean {
    if (view.getUint32(at + 8, true) === byteOrder) this.#little = true
    else if (view.getUint32(at + 8) === byteOrder) this.#little = false
    else {
      this.#damaged(at, origin, 'begins a section in no known byte order')
      return false
    }
    return true
  }

  /** `end`: of its body. False: the file ends here for us. */
  #block(type: number, bytes: Uint8Array, view: DataView, at: number, end: number, origin: number): boolean {
    switch (type) {
      case 6:
        return this.#packet(bytes, view, at, end, origin, 28, view.getUint32(at + 8, this.#little))
      case 2:
        return this.#packet(bytes, view, at, end, origin, 28, view.getUint16(at + 8, this.#little))
      case 3:
        return this.#simple(bytes, view, at, end, origin)
      case 1:
        return this.#interface(view, at, end, origin)
      case 5:
        return this.#statistics(view, at, end)
      case sectionHeader:
        this.#sections += 1
        this.#interfaces = []
        if (this.#sections === 1 && !this.#little) this.name = 'pcapng, big-endian'
        this.#options(view, at + 24, end)
        return true
      default:
        return true
    }
  }

  /** Enhanced Packet Block (6) and Packet Block (2), which differ in their first eight bytes. */
  #packet(bytes: Uint8Array, view: DataView, at: number, end: number, origin: number, header: number, index: number): boolean {
    const little = this.#little
    const { sink, findings } = this.#target
    if (end - at < header) return this.#short(at, origin)
    const on = this.#interfaces[index]
    if (on === undefined) {
      findings.missed('packet of an interface that the file does not describe')
      return true
    }
    const captured = view.getUint32(at + 20, little)
    const room = end - at - header
    const kept = captured > keptMax ? keptMax : captured
    if (captured > recordMax(on.linkType) || kept > room) {
      this.#damaged(at, origin, `claims a packet of ${captured} bytes`)
      return false
    }
    on.ticks.set(view.getUint32(at + 12, little), view.getUint32(at + 16, little))
    this.#sec = on.ticks.sec
    this.#nsec = on.ticks.nsec
    // Most have no options.
    const after = header + captured + (-captured & 3)
    if (end - at > after) this.#options(view, at + after, end)
    findings.packets += 1
    sink.frame(bytes, at + header, kept, view.getUint32(at + 24, little), on.linkType, this.#sec, this.#nsec)
    return true
  }

  /** Simple Packet Block: of the first interface, without a time. */
  #simple(bytes: Uint8Array, view: DataView, at: number, end: number, origin: number): boolean {
    const { sink, findings } = this.#target
    if (end - at < 12) return this.#short(at, origin)
    const on = this.#interfaces[0]
    if (on === undefined) {
      findings.missed('packet of an interface that the file does not describe')
      return true
    }
    const wire = view.getUint32(at + 8, this.#little)
    const kept = Math.min(wire, end - at - 12, on.snaplen === 0 ? keptMax : on.snaplen, keptMax)
    findings.warn('Some packets have no time in the file; they were given that of the packet before them.')
    findings.packets += 1
    sink.frame(bytes, at + 12, kept, wire, on.linkType, this.#sec, this.#nsec)
    return true
  }

  #interface(view: DataView, at: number, end: number, origin: number): boolean {
    const little = this.#little
    const { findings } = this.#target
    if (end - at < 16) return this.#short(at, origin)
    if (this.#interfaces.length >= interfacesMax) {
      findings.warn(`A section describes more than ${interfacesMax} interfaces; packets of the others were not read.`)
      return true
    }
    let resolution = 6
    let offset = 0
    this.#options(view, at + 16, end, (code, value, length) => {
      if (code === 9 && length >= 1) resolution = view.getUint8(value)
      if (code === 14 && length >= 8) {
        const high = view.getInt32(value + (little ? 4 : 0), little)
        offset = high * 2 ** 32 + view.getUint32(value + (little ? 0 : 4), little)
      }
    })
    const linkType = view.getUint16(at + 8, little)
    const found = findings.interfaces.length < interfacesMax ? { linkType, drops: null } : undefined
    if (found !== undefined) findings.interfaces.push(found)
    this.#interfaces.push({ linkType, snaplen: view.getUint32(at + 12, little), ticks: new Ticks(resolution, offset), found })
    return true
  }

  /** What an interface counted: the last one said of it holds. */
  #statistics(view: DataView, at: number, end: number): boolean {
    const little = this.#little
    if (end - at < 20) return true
    let drops = -1
    this.#options(view, at + 20, end, (code, value, length) => {
      // isb_ifdrop and isb_osdrop, 64 bits each.
      if ((code === 5 || code === 7) && length === 8) {
        const [high, low] = little ? [4, 0] : [0, 4]
        drops = Math.max(drops, 0) + view.getUint32(value + high, little) * 2 ** 32 + view.getUint32(value + low, little)
      }
    })
    const found = this.#interfaces[view.getUint32(at + 8, little)]?.found
    if (found !== undefined && drops >= 0) found.drops = drops
    return true
  }

  #short(at: number, origin: number): boolean {
    this.#damaged(at, origin, 'is shorter than its kind has to be')
    return false
  }

  /** Counts comments, and shows the other options to `each`. A list that does not add up ends where it stops doing so. */
  #options(view: DataView, start: number, end: number, each?: (code: number, value: number, length: number) => void): void {
    let at = start
    while (end - at >= 4) {
      const code = view.getUint16(at, this.#little)
      const length = view.getUint16(at + 2, this.#little)
      if (code === 0 || end - at - 4 < length) return
      if (code === 1) this.#target.findings.comments += 1
      else each?.(code, at + 4, length)
      at += 4 + length + (-length & 3)
    }
  }
}

/** Others are skipped without being looked at: names (4), secrets, custom ones. */
function known(type: number): boolean {
  return (type >= 1 && type <= 3) || type === 5 || type === 6 || type === sectionHeader
}
