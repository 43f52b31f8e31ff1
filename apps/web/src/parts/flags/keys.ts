/** Keys of a list as a person types or pastes them. Pure. */

/** What one request may carry; larger lists come as a file. */
export const keysMax = 10_000
const keyCharsMax = 500

/** One a line, or parted by commas; empty ones and repetitions fall away. */
export function readKeys(text: string): { readonly keys: string[]; readonly error: string | undefined } {
  const keys = [...new Set(text.split(/[\n,]/).map((it) => it.trim()))].filter((it) => it !== '')
  const long = keys.find((it) => it.length > keyCharsMax)
  const error =
    long !== undefined
      ? `A key has at most ${keyCharsMax} characters; ${long.slice(0, 20)}… has more.`
      : keys.length > keysMax
        ? `At most ${keysMax.toLocaleString('en')} keys at once; upload a file instead.`
        : undefined
  return { keys, error }
}
