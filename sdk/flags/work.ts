/** The bounds of what one evaluation does: a context may be anything, and somebody waits for the answer. */

/**
 * The steps that one evaluation may take over lists and long texts: each element of a list that a `map` or its like
 * goes through costs as many as the rule it runs has parts. A rule has at most 20,000 parts, so without lists no rule
 * comes near; with lists inside lists of a hostile context this ends after some ten milliseconds.
 */
const stepsMax = 1_000_000

/** A text that a rule makes is at most this long: `reduce` could double one a thousand times over. */
const textLengthMax = 1_048_576

export class TooMuchWork extends Error {
  override readonly name = 'TooMuchWork'
}

/** @throws TooMuchWork when the evaluation has used up its steps. */
export function spend(state: { steps: number }, steps: number): void {
  state.steps += steps
  if (state.steps > stepsMax) throw new TooMuchWork(`the rule takes more than ${stepsMax} steps for this context`)
}

/** @throws TooMuchWork when the text is too long. */
export function checkedText(text: string): string {
  if (text.length > textLengthMax) throw new TooMuchWork(`the rule makes a text of more than ${textLengthMax} characters`)
  return text
}
