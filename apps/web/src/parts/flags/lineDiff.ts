/** Two texts line by line. Pure. */
export type DiffLine = { readonly kind: 'same' | 'ins' | 'del'; readonly text: string }

/** The table that finds the longest common part has this many cells at most: some ten milliseconds. Beyond it, all is new. */
const cellsMax = 1_000_000

/** What was taken out and put in, with what stayed between. */
export function lineDiff(before: string, after: string): DiffLine[] {
  const [a, b] = [before.split('\n'), after.split('\n')]
  const mark = (kind: DiffLine['kind'], lines: readonly string[]) => lines.map((text): DiffLine => ({ kind, text }))
  if (a.length * b.length > cellsMax) return [...mark('del', a), ...mark('ins', b)]
  // common[i][j]: how many lines a from i and b from j have in common, in order.
  const width = b.length + 1
  const common = new Uint32Array((a.length + 1) * width)
  const at = (i: number, j: number) => common[i * width + j] ?? 0
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      common[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
  const lines: DiffLine[] = []
  let [i, j] = [0, 0]
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) {
      lines.push({ kind: 'same', text: a[i] ?? '' })
      i++
      j++
    } else if (at(i + 1, j) >= at(i, j + 1)) lines.push({ kind: 'del', text: a[i++] ?? '' })
    else lines.push({ kind: 'ins', text: b[j++] ?? '' })
  }
  return [...lines, ...mark('del', a.slice(i)), ...mark('ins', b.slice(j))]
}
