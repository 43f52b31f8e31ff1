import type { SessionRecord } from '../types.ts'
import type { CompareOptions, Comparison } from './types.ts'

export function compareSessions(a: readonly SessionRecord[], b: readonly SessionRecord[], options: CompareOptions): Comparison {
  const none = {
    goodBytes: 0,
    wireBytes: 0,
    wireBytesPerGoodByte: null,
    packetsPerMegabyte: null,
    cpuMs: options.resources?.a.cpuMs ?? null,
    cpuMsPerMegabyte: null,
    memoryBytes: null,
  }
  return {
    outcome: 'no difference shown',
    sentences: [],
    sessions: { a: a.length, b: b.length },
    unmatched: { a: 0, b: 0 },
    by: 'purposes',
    method: '',
    purposes: [],
    measures: [],
    costs: { a: none, b: none },
  }
}
