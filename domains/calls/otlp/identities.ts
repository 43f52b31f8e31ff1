/** Whose a call was that late spans may still add to: kept once for all calls that are alike, by number. */
import type { CallRow } from '../row.ts'

export type Identity = Pick<
  CallRow,
  'service' | 'environment' | 'release' | 'lane' | 'host' | 'method' | 'audience' | 'account' | 'variants' | 'status' | 'failed'
>

export type Identities = {
  /** Below 2^31. */
  numberOf(row: CallRow): number
  /** Undefined when it was forgotten. */
  get(number: number): Identity | undefined
  /** Forgets those of the generation before the last. */
  turn(): void
}

export function createIdentities(): Identities {
  let known = new Map<string, number>()
  let now: Identity[] = []
  let nowFrom = 0
  let before: Identity[] = []
  let beforeFrom = 0
  return {
    numberOf(row) {
      const { service, environment, release, lane, host, method, audience, account, variants, status, failed } = row
      // No name has a line break in it that would matter: two that are alike then are alike in all that is counted.
      const key = `${method}\n${service}\n${release}\n${host}\n${audience}\n${account}\n${status}${failed ? 'f' : ''}\n${lane}\n${environment}\n${variants.join('\n')}`
      let number = known.get(key)
      if (number === undefined) {
        number = nowFrom + now.length
        now.push({ service, environment, release, lane, host, method, audience, account, variants, status, failed })
        known.set(key, number)
      }
      return number
    },
    get: (number) => (number >= nowFrom ? now[number - nowFrom] : before[number - beforeFrom]),
    turn() {
      before = now
      beforeFrom = nowFrom
      nowFrom += now.length
      now = []
      known = new Map()
    },
  }
}
