/**
 * Search parameters as plain text (`?text=v5&fact=123`), so that a person can read, write and shorten them. What does
 * not fit a parameter's meaning is dropped, never an error: old links keep working.
 */
export function parseSearch(search: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(search))
}

export function stringifySearch(search: Readonly<Record<string, string | number | boolean | null | undefined>>): string {
  const params = new URLSearchParams()
  for (const [key, value] of Object.entries(search)) if (value !== undefined && value !== null) params.set(key, String(value))
  return params.size === 0 ? '' : `?${params}`
}

/** A text that says something; an empty one is as good as none. */
export const text = (raw: unknown): string | undefined => (typeof raw === 'string' && raw !== '' ? raw : undefined)

/** A whole number from 0. */
export function whole(raw: unknown): number | undefined {
  const value = typeof raw === 'string' && /^\d{1,15}$/.test(raw) ? Number(raw) : raw
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}

export const oneOf = <const T extends string>(raw: unknown, known: readonly T[]): T | undefined => known.find((it) => it === raw)
