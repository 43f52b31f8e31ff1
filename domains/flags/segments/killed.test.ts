import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { handClock, seededRandom } from '@belay/base'
import type { Store } from '@belay/store'
import { temporaryFolder } from '@belay/testkit'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { openBench } from './segments.contract.ts'

const keyCount = 60_000

test('a server that is killed while it replaces a list leaves the old one or the new one, whole, and no rest of the other', async () => {
  const seed = Number(process.env['BELAY_SEED'] ?? Date.now() % 1e9)
  const random = seededRandom(seed)
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'state.db')
  const opened: Store[] = []
  try {
    const first = await openBench({ file }, opened, handClock(Date.now()))
    await first.segments.create({ key: 'beta', description: '', by: 'targetingKey' }, 'ada')
    let acknowledged = 1
    for (let round = 0; round < 2; round++) {
      const writer = spawn(process.execPath, [fileURLToPath(new URL('./killed.writer.ts', import.meta.url)), file, String(keyCount)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const said = text(writer.stdout)
      await once(writer.stdout, 'readable')
      await setTimeout(random() * 300)
      writer.kill('SIGKILL')
      acknowledged = Math.max(acknowledged, ...(await said).split('\n').filter(Boolean).map(Number))

      // Past the time after which a list without its writer is cleared away.
      const next = await openBench({ file }, opened, handClock(Date.now() + 3_600_000))
      const { segment } = await next.segments.show('beta')
      const context = `rerun with BELAY_SEED=${seed}`
      expect([acknowledged, acknowledged + 1], context).toContain(segment.version)
      const keys = (await text(await next.segments.download('beta'))).split('\n').filter(Boolean)
      expect(keys.length, context).toBe(segment.size)
      expect(new Set(keys.map((key) => key.split('-')[1])), context).toEqual(new Set([String(segment.version)]))
      expect(
        keys.every((key) => next.segments.inSegment('beta', key)),
        context,
      ).toBe(true)
      const { rows } = await sql<{ list: number }>`select distinct list from segment_chunk`.execute(next.store.read)
      expect(rows, context).toHaveLength(1)
      expect((await next.ledger.verify()).whole, context).toBe(true)
      acknowledged = segment.version
    }
  } finally {
    await Promise.all(opened.map((store) => store.close()))
  }
})
