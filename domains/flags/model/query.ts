/** Which flags a list shows. Pure. */
import type { routes } from '@belay/protocol'
import type { z } from 'zod'
import { type Flag, settingIn } from './flag.ts'

export type FlagQuery = z.output<typeof routes.flags.list.query>

/** Searched on every key press, so each flag's words are joined once. */
const words = new WeakMap<Flag, string>()
function wordsOf(flag: Flag): string {
  const known = words.get(flag)
  if (known !== undefined) return known
  const joined = [flag.key, flag.description, flag.owner ?? '', ...flag.tags].join('\n').toLowerCase()
  words.set(flag, joined)
  return joined
}

/** All that can be told from the flag alone; its state and staleness are asked of its standings. */
export function matches(flag: Flag, query: FlagQuery): boolean {
  if ((flag.archivedAt !== null) !== query.archived) return false
  if (query.kind !== undefined && flag.kind !== query.kind) return false
  if (query.tag !== undefined && !flag.tags.includes(query.tag)) return false
  if (query.owner !== undefined && flag.owner !== query.owner) return false
  if (query.environment !== undefined && query.state === undefined && !settingIn(flag, query.environment).own) return false
  return (
    query.text === undefined ||
    query.text
      .toLowerCase()
      .split(/\s+/)
      .every((word) => wordsOf(flag).includes(word))
  )
}
