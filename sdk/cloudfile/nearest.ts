/** The candidate that somebody who typed `word` most likely meant; undefined when none is close. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  // One slip in a short word, two in a long one: more than that and a suggestion is a guess.
  const slipsMax = word.length <= 4 ? 1 : 2
  let best: { candidate: string; slips: number } | undefined
  for (const candidate of candidates) {
    const slips = editDistance(word.toLowerCase(), candidate.toLowerCase(), slipsMax)
    if (slips <= slipsMax && (best === undefined || slips < best.slips)) best = { candidate, slips }
  }
  return best?.candidate
}

/** `; did you mean x?`, or the list of what is allowed, or nothing when there is nothing to say. */
export function suggestion(word: string, candidates: readonly string[]): string {
  const near = nearest(word, candidates)
  if (near !== undefined) return `; did you mean ${near}?`
  return candidates.length === 0 ? '' : `; allowed: ${candidates.join(', ')}`
}

/** Optimal string alignment: insertions, deletions, changes and swapped neighbours. Above `max` any larger number. */
function editDistance(a: string, b: string, max: number): number {
  if (Math.abs(a.length - b.length) > max) return max + 1
  let older: number[] = []
  let old = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let slips = Math.min((old[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (old[j - 1] ?? 0) + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) slips = Math.min(slips, (older[j - 2] ?? 0) + 1)
      row.push(slips)
    }
    older = old
    old = row
  }
  return old[b.length] ?? max + 1
}
