/** Entity tags (RFC 9110 §8.8.3) as the clients of flags send them. Pure. */

/**
 * Does `If-None-Match` name this tag (given without quotes)? Compared weakly, as RFC 9110 §13.1.2 asks; lists, `*` and
 * tags without quotes, which some clients send, are understood.
 */
export function noneMatchNames(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false
  if (header.length === tag.length + 2 && header === `"${tag}"`) return true
  return header.split(',').some((it) => {
    const one = it.trim()
    return one === '*' || bareTag(one) === tag
  })
}

/** `W/"a"`, `"a"` and `a` are all `a`. */
export const bareTag = (text: string): string =>
  text
    .trim()
    .replace(/^W\//, '')
    .replace(/^"(.*)"$/, '$1')
