/** Output as it came, in pieces, as the lines that a person reads. Pure. */
export type Piece = { readonly seq: number; readonly at: number; readonly text: string }
export type Line = { readonly key: number; readonly at: number | null; readonly from: string | null; readonly text: string }

// Escape is exactly what terminals' sequences begin with.
const escapes = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g

/** A terminal's view of one line: colours left out, and of a line that overwrote itself (progress bars) the last state. */
export const plainLine = (text: string): string => {
  const plain = text.replace(escapes, '').replace(/\r+$/, '')
  return plain.slice(plain.lastIndexOf('\r') + 1)
}

/** Belay's own lines begin with the clock of the server; beside the piece's time, in the viewer's zone, it would stand twice. */
const ownClock = /^\d{2}:\d{2}:\d{2} {2}/

/** Pieces in order of `seq` as lines; a line carries the time of the piece in which it began. */
export function linesOf(pieces: readonly Piece[]): Line[] {
  const lines: Line[] = []
  let begun: { at: number; text: string } | undefined
  const push = (it: { at: number; text: string }) =>
    lines.push({ key: lines.length, at: it.at, from: null, text: plainLine(it.text).replace(ownClock, '') })
  for (const piece of pieces) {
    const parts = piece.text.split('\n')
    for (const [index, part] of parts.entries()) {
      begun = begun === undefined ? { at: piece.at, text: part } : { at: begun.at, text: begun.text + part }
      if (index === parts.length - 1) break
      push(begun)
      begun = undefined
    }
    if (begun?.text === '') begun = undefined
  }
  if (begun !== undefined) push(begun)
  return lines
}

/** Two sightings of the same output (fetched and live) as one, in order, nothing twice. */
export function mergePieces<P extends Piece>(a: readonly P[], b: readonly P[]): readonly P[] {
  if (b.length === 0) return a
  const bySeq = new Map(a.map((piece) => [piece.seq, piece]))
  for (const piece of b) bySeq.set(piece.seq, piece)
  return [...bySeq.values()].sort((x, y) => x.seq - y.seq)
}
