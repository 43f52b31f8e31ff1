/** How often a call ran its most frequent statement. Counting, unlike looking at neighbours, also sees parallel and interleaved ones. */
export type RepeatCounter = {
  /** @param text without its parameters. @returns how often it was added by now. */
  add(text: string): number
  /** 0 before the first; 1 when none was repeated. */
  readonly times: number
  /** The text that was added most often, the earliest of those that lead; '' before the first. */
  readonly text: string
}

/** What repeats is among the first hundreds; a call that makes up thousands of texts must not keep them all. */
const textsMax = 1_000

export function createRepeatCounter(): RepeatCounter {
  return new Counter()
}

class Counter implements RepeatCounter {
  times = 0
  text = ''
  /** Most calls run one statement, or few: a map is made for the second text. */
  #counts: Map<string, number> | undefined

  add(text: string): number {
    if (this.#counts === undefined) {
      if (this.times === 0 || text === this.text) {
        this.text = text
        return ++this.times
      }
      this.#counts = new Map([[this.text, this.times]])
    }
    const known = this.#counts.get(text)
    const count = (known ?? 0) + 1
    if (known !== undefined || this.#counts.size < textsMax) this.#counts.set(text, count)
    if (count > this.times) {
      this.times = count
      this.text = text
    }
    return count
  }
}
