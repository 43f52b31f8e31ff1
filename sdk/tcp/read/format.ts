import type { Findings, FrameSink } from './summary.ts'

/** What reads one format of file, handed bytes by the reader, which knows nothing of formats. */
export type Format = {
  readonly name: string
  /** After `take`: bytes from where it stopped that must be at hand together before it can go on. */
  readonly needed: number
  /** After `take`: bytes after the end of what it was handed that are of no use; they come to nobody. */
  skip: number
  /** The file is damaged from here on; nothing more can be told from it. */
  readonly stopped: boolean
  /**
   * Takes every record that is whole in `bytes[at, end)`.
   * @param origin position in the file of `bytes[0]`
   * @returns where it stopped
   */
  take(bytes: Uint8Array, view: DataView, at: number, end: number, origin: number): number
}

/** Where frames and findings go. */
export type Target = { readonly sink: FrameSink; readonly findings: Findings }

/**
 * The largest record of a link type. libpcap and Wireshark take at most 256 KiB of a packet, so a longer record is damage;
 * only D-Bus messages (231), USBPcap (249) and the Elektrobit recorder (279) may have up to 128 MiB.
 */
export function recordMax(linkType: number): number {
  return linkType === 231 || linkType === 249 || linkType === 279 ? 128 * 2 ** 20 : keptMax
}

/** Kept of a record; with what is around it the most that is ever copied from chunk to chunk. */
export const keptMax = 256 * 1024
