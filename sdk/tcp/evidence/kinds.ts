/** Positions in `kinds`, as plain numbers for the hot path. */
import { kinds } from '../types.ts'

export const NEW = kinds.indexOf('new')
export const FAST = kinds.indexOf('fast')
export const TIMEOUT = kinds.indexOf('timeout')
export const TAIL = kinds.indexOf('tail')
export const SPURIOUS = kinds.indexOf('spurious')
export const REORDERED = kinds.indexOf('reordered')
export const LOST_BEFORE = kinds.indexOf('lostBefore')
export const DUPLICATE = kinds.indexOf('duplicate')
export const PROBE = kinds.indexOf('probe')
export const KEEP_ALIVE = kinds.indexOf('keepAlive')
/** What looks like a probe and is none: an acknowledgement that came late. */
export const NONE = -1
