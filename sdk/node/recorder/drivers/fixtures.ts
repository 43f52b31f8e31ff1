/** Work that is done in a call, and what was told of it. */
import { Call } from '../call.ts'
import { calls } from '../context.ts'
import { startDrivers } from './index.ts'

startDrivers()

export async function recorded(work: () => unknown): Promise<Call> {
  const call = new Call('')
  await calls.run(call, work)
  return call
}

/** What a person would count. */
export function countsOf(call: Call) {
  const { statements, transactions, rows } = call
  return { statements, transactions, rows }
}

export function textsOf(call: Call): string[] {
  return (call.events ?? []).filter((it) => it.kind === 'statement').map((it) => it.text)
}

export function failuresOf(call: Call): string[] {
  return (call.events ?? []).filter((it) => it.kind === 'statement' && it.failed).map((it) => it.text)
}
