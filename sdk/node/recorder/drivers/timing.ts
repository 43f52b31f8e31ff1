/** One statement, from the moment it was asked for until its answer was there. */
import { performance } from 'node:perf_hooks'
import type { OpenCall } from '../types.ts'

export const nowUs = (): number => performance.now() * 1_000

/** Tells of a statement once, however many ways there are for it to end. */
export class Timed {
  readonly #call: OpenCall
  readonly #system: string
  readonly #text: string
  readonly #connection: object | undefined
  readonly #startedUs = nowUs()
  #told = false

  constructor(call: OpenCall, system: string, text: string, connection: object | undefined) {
    this.#call = call
    this.#system = system
    this.#text = text
    this.#connection = connection
  }

  /** @param tookUs by default until now. */
  ended(failed: boolean, rows?: number, tookUs = nowUs() - this.#startedUs): void {
    if (this.#told) return
    this.#told = true
    this.#call.statement({
      system: this.#system,
      text: this.#text,
      startedUs: this.#startedUs,
      tookUs,
      failed,
      ...(rows === undefined ? {} : { rows }),
      ...(this.#connection === undefined ? {} : { connection: this.#connection }),
    })
  }

  /** A promise that says what the other says: it must be the one that is handed on, or nobody would miss its failure. */
  until<Answer>(promise: Promise<Answer>, rowsOf: (answer: Answer) => number | undefined): Promise<Answer> {
    return promise.then(
      (answer) => {
        this.ended(false, rowsOf(answer))
        return answer
      },
      (thrown: unknown) => {
        this.ended(true)
        throw thrown
      },
    )
  }
}
