/** What is wrong at one place of the file, before the place is turned into a line and a column. */
export type Path = readonly (string | number)[]
export type Finding = {
  readonly path: Path
  /** Whether the member's name is wrong, or its value. */
  readonly at: 'key' | 'value'
  readonly message: string
}

/** `deploy[2].check.within` */
export function fieldOf(path: Path): string {
  return path.map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`)).join('')
}

/** Long values are cut: the reader of the message has the file beside it. */
const shownCharactersMax = 60
export function show(value: unknown): string {
  let text: string
  try {
    text = JSON.stringify(value) ?? String(value)
  } catch {
    text = 'this value'
  }
  return text.length > shownCharactersMax ? `${text.slice(0, shownCharactersMax - 1)}…` : text
}
