import type { SessionRecord } from '../types.ts'
import type { Story } from './types.ts'

export function storyOf(record: SessionRecord): Story {
  return [{ kind: 'limits', text: record.verdict.because }]
}

/** The session in one line. */
export function summaryOf(record: SessionRecord): string {
  return record.verdict.because
}
