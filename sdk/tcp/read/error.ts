/** A file that cannot be read as a capture at all. What can be read in part is read, and the rest is a warning. */
export class CaptureError extends Error {
  /** Where in the file, in bytes from its beginning (unpacked, when it was packed). */
  readonly at: number
  /** What is wrong and what to do, without the place. */
  readonly sentence: string

  constructor(sentence: string, at: number) {
    super(`${sentence} (byte ${at})`)
    this.name = 'CaptureError'
    this.sentence = sentence
    this.at = at
  }
}
