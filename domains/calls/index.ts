/** What each API method costs, and which release or flag changed it. */
export { callColumns, type CallRow } from './row.ts'
