import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkCallRules } from './check.ts'
import { createDescriber } from './describe.ts'
import { type CallRules, everyone } from './types.ts'

const rules: CallRules = {
  version: '1',
  methods: [{ path: '/rpc/:noun', verb: null, name: '{noun}.{header.x-verb}' }],
  account: ['header.X-Account', 'query.account'],
  audiences: [
    { name: 'robot', where: { var: 'robot' } },
    { name: 'staff', where: { ends_with: [{ var: 'header.x-user' }, '@example.com'] } },
    { name: 'reports', where: { starts_with: [{ var: 'method' }, 'report.'] } },
    { name: 'paying', where: { in: [{ var: 'account' }, ['a', 'b']] } },
  ],
}

function asked(header: Record<string, string> = {}, query: Record<string, string> = {}, path = '/rpc/item?x=1') {
  return { verb: 'POST', path, header: (name: string) => header[name], query: (name: string) => query[name] }
}

describe('rules of a cloud', () => {
  const describer = createDescriber(rules, (agent) => agent.includes('bot'))
  const of = (...it: Parameters<typeof asked>) => describer.describe(asked(...it), {}, 0)

  test('are sound', () => {
    expect(checkCallRules(rules)).toEqual([])
  })

  test('say what they read, and nothing else is read', () => {
    expect(describer.needs).toEqual({ header: ['x-verb', 'x-account', 'x-user', 'user-agent'], query: ['account'] })
    const read = new Set<string>()
    const request = { verb: 'GET', path: '/', header: (name: string) => void read.add(name), query: (name: string) => void read.add(name) }
    describer.describe(request as never, {}, 0)
    expect([...read].filter((name) => ![...describer.needs.header, ...describer.needs.query].includes(name))).toEqual([])
  })

  test.each([
    [{ 'user-agent': 'somebot' }, {}, 'robot', ''],
    [{ 'x-user': 'ann@example.com', 'x-account': 'a' }, {}, 'staff', 'a'],
    [{ 'x-account': 'a' }, { account: 'c' }, 'paying', 'a'],
    [{}, { account: 'b' }, 'paying', 'b'],
    [{}, { account: 'c' }, everyone, 'c'],
    [{}, {}, everyone, ''],
  ])('%o %o: %s', (header, query, audience, account) => {
    expect(of(header as Record<string, string>, query as Record<string, string>)).toMatchObject({ audience, account })
  })

  test('may ask for the name that the call has got', () => {
    expect(of({ 'x-verb': 'list' }, {}, '/rpc/report')).toMatchObject({ method: 'report.list', audience: 'reports', sure: true })
  })

  test('count less than what the service says', () => {
    const said = { method: 'Items.list', account: 'z', audience: 'internal' }
    expect(describer.describe(asked({ 'user-agent': 'somebot' }), said, 0)).toEqual({ ...said, sure: true })
  })

  test('never throw, whatever they are', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), fc.string(), fc.string(), (where, path, name, source) => {
        const strange = {
          version: '',
          methods: [{ path, verb: null, name }],
          account: [source],
          audiences: [{ name, where: where as never }],
        }
        expect(Array.isArray(checkCallRules(strange))).toBe(true)
        const it = createDescriber(strange, () => false).describe(asked(), {}, 0)
        expect(typeof it.method + typeof it.audience + typeof it.account).toBe('stringstringstring')
      }),
      { numRuns: 500 },
    )
  })
})
