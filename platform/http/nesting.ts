/**
 * Is this JSON text nested deeper than `max`? Looked at before it is parsed: what walks a value (a schema, a
 * serialiser) walks it on the stack, and a text of brackets alone would end the walk in an error that names nothing.
 */
export function isNestedDeeper(text: string, max: number): boolean {
  let depth = 0
  let inString = false
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (inString) {
      if (code === backslash) at++
      else if (code === quote) inString = false
    } else if (code === quote) inString = true
    else if (code === bracket || code === brace) {
      if (++depth > max) return true
    } else if (code === bracketEnd || code === braceEnd) depth--
  }
  return false
}
const [quote, backslash, bracket, bracketEnd, brace, braceEnd] = [34, 92, 91, 93, 123, 125]
