/**
 * Belay's drain and undrain hooks: `node shared/drain.ts out` asks every edge to send this instance nothing more and
 * waits until what it had in hand is answered; `in` puts it back. An edge that is not up sends nothing to anybody,
 * so it is no obstacle: the very first deployment has none.
 */
import { ask } from './ask.ts'
import { addressesOf, here } from './belay.ts'
import { Refusal } from './server.ts'

const verb = process.argv[2] === 'in' ? 'undrain' : 'drain'
// A little longer than the edge waits for the last request before it says how many are left.
const withinMs = 12_000
for (const edge of addressesOf('edge')) {
  try {
    const answer = await ask<{ says: string }>([edge], `/-/${verb}?address=${here.address}`, {
      method: 'POST',
      body: {},
      withinMs,
      patienceMs: 0,
    })
    console.log(`edge ${edge}: ${answer.says}`)
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'unreachable') throw error
    console.log(`edge ${edge} is not up, so nothing is sent to ${here.address}`)
  }
}
process.exit(0)
