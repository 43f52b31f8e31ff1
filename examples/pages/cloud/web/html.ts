/** HTML as a template: what is put in is escaped unless it is HTML already. */
export class Html {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}
type Part = Html | string | number | null | undefined | readonly Html[]

export function html(strings: TemplateStringsArray, ...parts: Part[]): Html {
  return new Html(strings.reduce((text, string, i) => text + spell(parts[i - 1]) + string))
}

function spell(part: Part): string {
  if (part === null || part === undefined) return ''
  if (part instanceof Html) return part.text
  if (Array.isArray(part)) return (part as readonly Html[]).map((one) => one.text).join('')
  return `${part as string | number}`.replace(/[&<>"']/g, (mark) => `&#${mark.charCodeAt(0)};`)
}
