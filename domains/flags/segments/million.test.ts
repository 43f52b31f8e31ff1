/** The largest list that there may be, on the embedded database; the contract tries smaller ones on both. */
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { Store } from '@belay/store'
import { temporaryFolder } from '@belay/testkit'
import { expect, test } from 'vitest'
import { listMaxKeys } from './limits.ts'
import { openBench } from './segments.contract.ts'

const keyAt = (nth: number) => `user-${String(nth).padStart(8, '0')}@example.test`
function* lines(count: number) {
  for (let from = 0; from < count; from += 1_000) {
    let block = ''
    for (let nth = from; nth < from + 1_000; nth++) block += `${keyAt(nth)}\n`
    yield Buffer.from(block)
  }
}

test('a list of a million keys is uploaded, asked, changed, refused one more, and read at the next start', async () => {
  await using folder = await temporaryFolder()
  const opened: Store[] = []
  try {
    const it = await openBench({ file: join(folder.path, 'state.db') }, opened)
    await it.segments.create({ key: 'all', description: '', by: 'targetingKey' }, 'ada')
    let turns = 0
    const ticking = setInterval(() => turns++, 10)
    const startMs = performance.now()
    expect(await it.segments.replace('all', Readable.from(lines(listMaxKeys)), undefined, 'ada')).toMatchObject({ size: listMaxKeys })
    const tookMs = performance.now() - startMs
    clearInterval(ticking)
    // Others have their turn meanwhile; on a busy machine a few times fewer than every 10 ms.
    expect(turns).toBeGreaterThan(tookMs / 100)

    for (let nth = 0; nth < listMaxKeys; nth += 997) {
      if (!it.segments.inSegment('all', keyAt(nth))) expect.unreachable(`${keyAt(nth)} is in the list`)
      if (it.segments.inSegment('all', keyAt(listMaxKeys + nth))) expect.unreachable(`${keyAt(listMaxKeys + nth)} is not in the list`)
    }
    await expect(it.segments.change('all', { add: ['one more'] }, 'ada')).rejects.toMatchObject({ code: 'segment-too-large' })
    const changed = await it.segments.change('all', { add: ['one more'], remove: [keyAt(7)] }, 'ada')
    expect(changed).toMatchObject({ size: listMaxKeys, version: 3 })

    const next = await it.neighbour()
    expect([keyAt(7), keyAt(8), 'one more'].map((key) => next.segments.inSegment('all', key))).toEqual([false, true, true])
  } finally {
    await Promise.all(opened.map((store) => store.close()))
  }
})
