import type { FactWire } from '@belay/protocol'

/** The page that shows a fact's subject (`type:name`), when there is one. */
export function pathOfSubject(subject: FactWire['subject']): string | undefined {
  const colon = subject.indexOf(':')
  if (colon < 1) return undefined
  const name = encodeURIComponent(subject.slice(colon + 1))
  switch (subject.slice(0, colon)) {
    case 'release':
      return `/releases/${name}`
    case 'deployment':
      return `/deployments/${name}`
    case 'environment':
    case 'sandbox':
      return `/environments/${name}`
    case 'rehearsal':
      return `/rehearsals/${name}`
    case 'flag':
      return `/flags/${name}`
    case 'segment':
      return `/segments/${name}`
    case 'call': {
      // `call:api/Items.get`: the service comes first.
      const slash = subject.indexOf('/')
      if (slash < 0) return '/calls'
      return `/calls/method?service=${encodeURIComponent(subject.slice(colon + 1, slash))}&method=${encodeURIComponent(subject.slice(slash + 1))}`
    }
    case 'capture':
      return `/network?capture=${name}`
    case 'ring':
      return '/rings'
    case 'client-key':
      return '/client-keys'
    case 'user':
    case 'token':
      return '/access'
    default:
      return undefined
  }
}
