/** Replaces a list again and again and says each version that was acknowledged, until it is killed (see killed.test.ts). */
import { writeSync } from 'node:fs'
import { Readable } from 'node:stream'
import { systemClock } from '@belay/base'
import { openLedger } from '@belay/ledger'
import { openStore } from '@belay/store'
import { openSegments } from './segments.ts'

const [file, count] = process.argv.slice(2) as [string, string]
const store = await openStore({ file })
const use = { usedBy: () => [], inProduction: () => false, checkRule: () => {}, changed: async () => {} }
const segments = openSegments({ store, ledger: openLedger({ store, clock: systemClock }), clock: systemClock, use })
await segments.load()
for (;;) {
  const { segment } = await segments.show('beta')
  const keys = Array.from({ length: Number(count) }, (_, nth) => `version-${segment.version + 1}-${nth}`)
  const { version } = await segments.replace('beta', Readable.from([Buffer.from(keys.join('\n'))]), segment.version, 'ada')
  writeSync(1, `${version}\n`)
}
