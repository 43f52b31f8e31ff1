/** Path patterns of rules: `/rpc/:noun/:verb`, `/files/*`. */
export type PathPattern = {
  /** A text that must be there as it is, or the name of what takes any. */
  readonly segments: readonly (string | { readonly name: string })[]
  /** It ends with `/*`: anything may follow, also nothing. */
  readonly open: boolean
}

/** Undefined when it is none: it does not begin with a slash, a name is no name or is there twice, `*` stands elsewhere than at the end. */
export function parsePath(pattern: string): PathPattern | undefined {
  if (!pattern.startsWith('/')) return undefined
  const written = segmentsOf(pattern)
  const open = written.at(-1) === '*'
  const segments = (open ? written.slice(0, -1) : written).map((it) => (it.startsWith(':') ? { name: it.slice(1) } : it))
  const names = segments.flatMap((it) => (typeof it === 'string' ? [] : [it.name]))
  const sound = names.every((name, at) => /^[a-z_]\w{0,99}$/i.test(name) && names.indexOf(name) === at) && !segments.includes('*')
  return sound ? { segments, open } : undefined
}

/** Without the query; empty segments do not count, so a slash at the end changes nothing. */
export function segmentsOf(path: string): string[] {
  const end = path.search(/[?#]/)
  return (end < 0 ? path : path.slice(0, end)).split('/').filter((segment) => segment !== '')
}

/** The values of its names, or undefined when it does not match. */
export function matchPath({ segments, open }: PathPattern, path: readonly string[]): Readonly<Record<string, string>> | undefined {
  if (open ? path.length < segments.length : path.length !== segments.length) return undefined
  let values: Record<string, string> | undefined
  for (let at = 0; at < segments.length; at++) {
    const expected = segments[at] as PathPattern['segments'][number]
    const found = path[at] as string
    if (typeof expected === 'string') {
      if (expected !== found) return undefined
    } else (values ??= { __proto__: null } as unknown as Record<string, string>)[expected.name] = found
  }
  return values ?? none
}
const none: Readonly<Record<string, string>> = Object.freeze({ __proto__: null } as unknown as Record<string, string>)
