/** What `track` is told, as it travels: bounded, and JSON. */
import type { Json } from '@belay/flag-evaluator'
import type { EvaluationContext, TrackingEventDetails } from '@openfeature/server-sdk'
import type { EventReport } from './reports/contents.ts'

const nameMax = 200
const unitMax = 500
const attributeNameMax = 100
/** Attributes tell events apart; whole documents belong elsewhere. In bytes of JSON. */
const attributesMaxBytes = 4_000

/** A sentence instead of an event: why it is not reported. */
export function readTracked(name: string, context: EvaluationContext, details: TrackingEventDetails, nowMs: number): EventReport | string {
  if (typeof name !== 'string' || name === '' || name.length > nameMax) return `the name of a tracked event has 1 to ${nameMax} characters`
  const { value, ...rest } = details
  const unit = unitOf(context)
  const attributes: Record<string, Json> = {}
  try {
    for (const [name, attribute] of Object.entries(JSON.parse(JSON.stringify(rest)) as Record<string, Json>)) {
      if (name.length <= attributeNameMax && name !== '__proto__') attributes[name] = attribute
    }
    if (Buffer.byteLength(JSON.stringify(attributes)) > attributesMaxBytes)
      return `the details of ${name} are longer than ${attributesMaxBytes} bytes of JSON`
  } catch {
    return `the details of ${name} cannot be written as JSON`
  }
  return { name, unit: unit ?? null, at: nowMs, value: typeof value === 'number' && Number.isFinite(value) ? value : null, attributes }
}

/** Who or what is evaluated for, if it can be named in a report. */
export function unitOf({ targetingKey }: { readonly targetingKey?: unknown }): string | undefined {
  return typeof targetingKey === 'string' && targetingKey !== '' && targetingKey.length <= unitMax ? targetingKey : undefined
}
