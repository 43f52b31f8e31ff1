/**
 * One JSON document that is written while it is made: fields one after the other, one of them a list that may have
 * millions of items. An item a line, so that whoever reads by lines can.
 */
export class JsonStream {
  readonly #write: (text: string) => void
  #list: string | undefined
  #items = 0
  #fields = 0

  constructor(write: (text: string) => void) {
    this.#write = write
  }

  get isBegun(): boolean {
    return this.#fields > 0
  }

  field(name: string, value: unknown): void {
    this.#close()
    this.#name(name, JSON.stringify(value))
  }

  /** An item of a list; the list begins with its first. */
  item(name: string, value: unknown): void {
    this.list(name)
    this.#write(`${this.#items++ === 0 ? '' : ','}\n    ${JSON.stringify(value)}`)
  }

  /** The list is there, even when nothing comes. */
  list(name: string): void {
    if (this.#list === name) return
    this.#close()
    this.#name(name, '[')
    this.#list = name
    this.#items = 0
  }

  end(): void {
    this.#close()
    this.#write(this.#fields === 0 ? '{}\n' : '\n}\n')
  }

  #name(name: string, text: string): void {
    this.#write(`${this.#fields++ === 0 ? '{' : ','}\n  ${JSON.stringify(name)}: ${text}`)
  }

  #close(): void {
    if (this.#list === undefined) return
    this.#write(this.#items === 0 ? ']' : '\n  ]')
    this.#list = undefined
  }
}
