/** What a name of a rule is made of: `{noun}.{verb}`, `{header.x-operation}`, `{query.op}`, `{body.method}`. */
export type Placeholder = {
  readonly from: 'path' | 'header' | 'query' | 'body'
  /** Headers in lower case. */
  readonly name: string
  readonly written: string
}
export type TemplatePart = string | Placeholder

/** Undefined when a brace is not closed, or holds what is no name. */
export function placeholdersIn(template: string): TemplatePart[] | undefined {
  const parts = template.split(/\{([^{}]*)\}/)
  const read = parts.map((part, at) => (at % 2 === 0 ? part : placeholderOf(part)))
  if (read.some((part, at) => part === undefined || (at % 2 === 0 && /[{}]/.test(part as string)))) return undefined
  return (read as TemplatePart[]).filter((part) => part !== '')
}

function placeholderOf(written: string): Placeholder | undefined {
  const [, from, name] = /^(?:(header|query|body)\.)?([\w-]{1,100})$/.exec(written) ?? []
  if (name === undefined) return undefined
  if (from === undefined) return { from: 'path', name, written }
  return { from: from as Placeholder['from'], name: from === 'header' ? name.toLowerCase() : name, written }
}

/** Where an account is found: `header.x-account`, `query.account`. Undefined when it is neither. */
export function sourceOf(source: string): { readonly from: 'header' | 'query'; readonly name: string } | undefined {
  const placeholder = placeholderOf(source)
  if (placeholder?.from !== 'header' && placeholder?.from !== 'query') return undefined
  return { from: placeholder.from, name: placeholder.name }
}
