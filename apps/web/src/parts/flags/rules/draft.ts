/**
 * Rules that somebody is working on and has not saved. They outlive the tab within the page that they are edited in,
 * so that looking at the history costs no work; they do not outlive the page.
 */
import { canonicalJson } from '@belay/base'
import type { JsonWire } from '@belay/protocol'
import { useSyncExternalStore } from 'react'
import { type JsonText, readJson, sayJson } from './jsonText.ts'

export type Draft = {
  readonly text: string
  /** The version of the flag, or segment, that it was begun from, and what stood there then. */
  readonly from: number
  readonly was: JsonWire
}

const drafts = new Map<string, Draft>()
const watchers = new Set<() => void>()
/** A person works on a few at a time; the oldest is dropped. */
const draftsMax = 20

export function putDraft(id: string, draft: Draft | undefined): void {
  drafts.delete(id)
  if (draft !== undefined) drafts.set(id, draft)
  for (const oldest of [...drafts.keys()].slice(0, Math.max(0, drafts.size - draftsMax))) drafts.delete(oldest)
  for (const tell of watchers) tell()
}

export const sameRule = (a: JsonWire, b: JsonWire): boolean => canonicalJson(a) === canonicalJson(b)
export const textOf = (rule: JsonWire): string => (rule === null ? '' : sayJson(rule))
/** No text is no rule. */
export const readRule = (text: string): JsonText => readJson(text.trim() === '' ? 'null' : text)

const watch = (tell: () => void) => {
  watchers.add(tell)
  return () => void watchers.delete(tell)
}
export const useDraft = (id: string): Draft | undefined => useSyncExternalStore(watch, () => drafts.get(id))
