/** News in a row as one piece of news. Pure. */
import type { FlagDefinition } from '@belay/flag-evaluator'
import type { LiveNews } from '../live-types.ts'

/** What leads from where `first` begins to where `second` ends; `second` follows on `first`. */
export function joinedNews(first: LiveNews, second: LiveNews): LiveNews {
  const set = new Map<string, FlagDefinition>(Object.entries(first.patch.set))
  const remove = new Set(first.patch.remove)
  for (const key of second.patch.remove) {
    set.delete(key)
    remove.add(key)
  }
  for (const [key, flag] of Object.entries(second.patch.set)) {
    set.set(key, flag)
    remove.delete(key)
  }
  const evaluators = second.patch.evaluators ?? first.patch.evaluators
  return {
    revision: second.revision,
    from: first.from,
    etag: second.etag,
    patch: { set: Object.fromEntries(set), remove: [...remove], ...(evaluators === undefined ? {} : { evaluators }) },
    segments: [...new Set([...first.segments, ...second.segments])],
  }
}
