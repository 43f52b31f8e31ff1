/** A condition as people say it, where it is of a usual form; else as it is written, cut short. Pure. */
const shownMaxChars = 120

export function sayRule(rule: unknown): string {
  const [[operator, args] = []] = typeof rule === 'object' && rule !== null ? Object.entries(rule) : []
  const attribute = Array.isArray(args) ? (args[0] as { var?: unknown } | null)?.var : undefined
  const value: unknown = Array.isArray(args) ? args[1] : undefined
  if (typeof attribute === 'string' && args.length === 2) {
    const shown = Array.isArray(value) ? value.map(String).join(' or ') : typeof value === 'string' ? value : JSON.stringify(value)
    if (operator === 'in' && Array.isArray(value)) return `${attribute} is ${shown}`
    if (operator === '==' || operator === '===') return `${attribute} is ${shown}`
    if (operator === 'ends_with') return `${attribute} ends with ${shown}`
    if (operator === 'starts_with') return `${attribute} starts with ${shown}`
  }
  if ((operator === 'or' || operator === 'and') && Array.isArray(args)) return args.map(sayRule).join(` ${operator} `)
  const text = JSON.stringify(rule)
  return text.length > shownMaxChars ? `${text.slice(0, shownMaxChars - 1)}…` : text
}
