/**
 * Tests of a deployed cloud, driven through its edge as an app would: TAP on standard output, exit 1 when one fails.
 * `node tests/functional.ts`
 */
import { strict as assert } from 'node:assert'
import { ask } from '#shared/ask.ts'
import { addressesOf } from '#shared/belay.ts'
import { Refusal } from '#shared/server.ts'

type Item = { id: string; title: string; state: string; listId: string }
const edge = addressesOf('edge')
const get = <T>(method: string, query: Record<string, string> = {}) => ask<T>(edge, `/api/${method}?${new URLSearchParams(query)}`)
const post = <T>(method: string, body: unknown) => ask<T>(edge, `/api/${method}`, { method: 'POST', body })
const refused = (status: number) => (error: unknown) => error instanceof Refusal && error.status === status
const unique = `Test ${Date.now().toString(36)}`

const tests: Record<string, () => Promise<void>> = {
  'there are lists with items': async () => {
    const { lists } = await get<{ lists: { id: string; open: number }[] }>('Lists.getList')
    assert.ok(lists.length >= 4)
    const { items } = await get<{ items: Item[] }>('Items.getList', { list: lists[0]?.id ?? '' })
    assert.ok(items.length > 0)
  },
  'an item that is saved can be read, and its stream tells who made it': async () => {
    const { item } = await post<{ item: Item }>('Items.save', { list: 'ideas', title: unique, member: 'ada' })
    assert.equal((await get<{ item: Item }>('Items.get', { id: item.id })).item.title, unique)
    const { activities } = await get<{ activities: { memberName: string }[] }>('Activities.getItemStream', { item: item.id })
    assert.equal(activities[0]?.memberName, 'Ada Okafor')
    await post('Items.save', { id: item.id, state: 'done', member: 'ada' })
    assert.equal((await get<{ item: Item }>('Items.get', { id: item.id })).item.state, 'done')
  },
  'what is missing is refused with a sentence': async () => {
    await assert.rejects(get('Items.get', { id: 'nothing' }), refused(404))
    await assert.rejects(post('Items.save', { list: 'ideas', member: 'ada' }), refused(400))
    await assert.rejects(get('Items.save', { id: 'i1' }), refused(405))
  },
  'a member has a page with items': async () => {
    const { items } = await get<{ items: Item[] }>('Members.get', { id: 'mira' })
    assert.ok(items.length > 0)
  },
  'a page view is taken': async () => {
    assert.deepEqual(await post('Stats.save', { page: '/tests', ms: 12 }), { saved: true })
  },
}

const entries = Object.entries(tests)
let failed = 0
console.log(`TAP version 13\n1..${entries.length}`)
for (const [i, [title, run]] of entries.entries()) {
  const began = performance.now()
  try {
    await run()
    console.log(`ok ${i + 1} - ${title} # time=${Math.round(performance.now() - began)}ms`)
  } catch (error) {
    failed++
    console.log(`not ok ${i + 1} - ${title}\n  ---\n  message: ${JSON.stringify(String(error))}\n  ...`)
  }
}
process.exit(failed === 0 ? 0 : 1)
