/** Which calls are kept with all that they did, chosen as the recorder chooses: what is slow, failed or repeats, and one as usual. */
import { createExemplarChoice, eventsMax, type ExemplarChoice, type ExemplarEvent } from '@belay/call-record'
import type { ExemplarRow } from '../intake/types.ts'
import { inOrder } from './events.ts'
import type { Resource } from './shape.ts'
import type { Made } from './tracker.ts'

export type Exemplars = {
  /** Those of the calls of one body. */
  of(made: readonly Made[], now: number): ExemplarRow[]
}

/** Each remembers a few numbers of each method; services beyond keep none of their calls in full. */
const servicesMax = 1_000

export function createExemplars(): Exemplars {
  const choices = new Map<string, ExemplarChoice>()
  function choiceOf(name: string): ExemplarChoice | undefined {
    let choice = choices.get(name)
    if (choice === undefined && choices.size < servicesMax) {
      choice = createExemplarChoice()
      choices.set(name, choice)
    }
    return choice
  }
  return {
    of(made, now) {
      for (const choice of choices.values()) choice.nextBatch()
      const kept: ExemplarRow[] = []
      let resource: Resource | undefined
      let choice: ExemplarChoice | undefined
      for (const it of made) {
        const { row, span } = it
        if (span === undefined) continue
        if (span.resource !== resource) {
          resource = span.resource
          choice = choiceOf(`${row.environment}\n${row.service}`)
        }
        const { realUs, repeats, failed } = row
        const why = choice?.choose(row.method, { realUs, cpu: -1, repeats, failed }, now)
        if (why === undefined) continue
        const events = eventsOf(it)
        kept.push({ ...row, why, events: events.slice(0, eventsMax), cut: Math.max(0, events.length - eventsMax) })
      }
      return kept
    },
  }
}

function eventsOf({ span, gathering }: Made): ExemplarEvent[] {
  const events: ExemplarEvent[] = []
  const startUs = span?.startUs ?? 0
  // An SDK whose clock knows whole ms may begin a statement before its call.
  const since = (us: number): number => Math.max(0, Math.round(us - startUs))
  let begun: { readonly startUs: number; readonly system: string } | undefined
  for (const it of inOrder(gathering.events)) {
    const atUs = since(it.startUs)
    const tookUs = Math.round(it.durationUs)
    if (it.statement === null) {
      events.push({ kind: 'external', atUs, tookUs, text: it.name, system: '', failed: it.failed })
      continue
    }
    for (const kind of new Set(it.statement.kinds)) {
      if (kind === 'begin') begun = { startUs: it.startUs, system: it.name }
      else if (kind === 'statement') events.push({ kind, atUs, tookUs, text: it.statement.text, system: it.name, failed: it.failed })
      else if (kind === 'end' && begun !== undefined) {
        const took = Math.max(0, Math.round(it.startUs + it.durationUs - begun.startUs))
        events.push({ kind: 'transaction', atUs: since(begun.startUs), tookUs: took, text: '', system: begun.system, failed: it.failed })
        begun = undefined
      }
    }
  }
  const exception = span?.exception || gathering.exception
  if (exception)
    events.push({ kind: 'error', atUs: Math.round(span?.durationUs ?? 0), tookUs: 0, text: exception, system: '', failed: true })
  return events.toSorted((a, b) => a.atUs - b.atUs)
}
