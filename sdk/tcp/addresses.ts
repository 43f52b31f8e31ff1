/** Addresses as text. */

/** @param words four int32 words from `first` on, big-endian; of an IPv4 address the last one. IPv6 as RFC 5952 writes it. */
export function addressText(words: Int32Array, first: number, family: number): string {
  if (family === 4) return dotted(words[first + 3] as number)
  const word = (at: number) => (words[first + at] as number) >>> 0
  const groups: number[] = []
  for (let at = 0; at < 4; at++) groups.push(word(at) >>> 16, word(at) & 0xffff)
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) return `::ffff:${dotted(word(3))}`
  // The longest run of zeros, the first of equals; a single zero is written out.
  let from = -1
  let length = 1
  for (let at = 0; at < 8; at++) {
    let end = at
    while (end < 8 && groups[end] === 0) end++
    if (end - at > length) {
      from = at
      length = end - at
    }
  }
  const hex = (part: readonly number[]) => part.map((group) => group.toString(16)).join(':')
  return from < 0 ? hex(groups) : `${hex(groups.slice(0, from))}::${hex(groups.slice(from + length))}`
}

function dotted(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`
}
