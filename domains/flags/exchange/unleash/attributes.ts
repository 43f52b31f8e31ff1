/** Unleash's context and ours. */
import type { JsonLogic } from '@belay/flag-evaluator'

/** Fields of Unleash's context that its SDKs fill in by themselves. */
const filledIn = new Set(['environment', 'appName', 'sessionId', 'remoteAddress'])
/** Fields that are texts in every SDK; others are properties, which keep the type that the service gives them. */
const texts = new Set([...filledIn, 'userId', 'currentTime'])

/** Unleash's OpenFeature providers take the targeting key for the user id, too. */
export const attributeOf = (contextName: string): string => (contextName === 'userId' ? 'targetingKey' : contextName)
export const read = (contextName: string): JsonLogic => ({ var: attributeOf(contextName) })
export const isAlwaysText = (contextName: string): boolean => texts.has(contextName)

export type Note = { readonly text: string /** Some get something else because of it. */; readonly approximate: boolean }

/** What services have to do for a rule that reads this field; undefined: nothing. */
export function noteOn(contextName: string): Note | undefined {
  if (filledIn.has(contextName)) {
    const text = `It reads ${contextName} from the context. Unleash's SDKs put it there by themselves; here your services hand it in.`
    return { text, approximate: false }
  }
  if (!contextName.includes('.')) return undefined
  return { text: `It reads ${contextName}: a dot leads into an object here, so your services hand it in as one.`, approximate: true }
}
