import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createMethodBook } from './book.ts'
import { methodNamer, nameCharactersMax, type NamedRequest } from './names.ts'
import { templateOf } from './template.ts'
import { type MethodRule, overflowMethod } from './types.ts'

type Asked = { verb?: string; route?: string; header?: Record<string, string>; query?: Record<string, string>; body?: unknown }
const asked = (path: string, { verb = 'GET', route, header = {}, query = {}, body }: Asked = {}): NamedRequest => ({
  verb,
  path,
  route,
  body,
  header: (name) => header[name],
  query: (name) => query[name],
})
const rules: readonly MethodRule[] = [
  { path: '/rpc/:noun/:verb', verb: 'POST', name: '{noun}.{verb}' },
  { path: '/jsonrpc', verb: null, name: '{body.method}' },
  { path: '/op/*', verb: null, name: 'op {header.X-Operation}' },
  { path: '/op', verb: null, name: 'op {query.op}' },
  { path: '/files/*', verb: 'GET', name: 'Files.read' },
]

describe('a call is named', () => {
  const namer = methodNamer(rules)
  test.each<[fact: string, path: string, asked: Asked, name: string]>([
    ['by the first rule that matches', '/rpc/items/list', { verb: 'POST' }, 'items.list'],
    ['without its query', '/rpc/items/list/?x=1', { verb: 'POST' }, 'items.list'],
    ['by a rule for its verb only', '/rpc/items/list', {}, 'GET /rpc/items/list'],
    ['by its body', '/jsonrpc', { verb: 'POST', body: { method: 'items.get' } }, 'items.get'],
    ['by its path when the body does not say', '/jsonrpc', { verb: 'POST', body: [1] }, 'POST /jsonrpc'],
    ['by a header', '/op/x/y', { header: { 'x-operation': 'List' } }, 'op List'],
    ['by the next rule when the header is missing', '/op', { query: { op: 'list' } }, 'op list'],
    ['by a rule that takes the rest', '/files/a/b/c.txt', {}, 'Files.read'],
    ['by its route', '/items/8', { route: '/items/:item' }, 'GET /items/:item'],
    ['by its path without ids', '/items/8/comments', { verb: 'PUT' }, 'PUT /items/{id}/comments'],
    ['without what looks like an id in a rule’s value', '/rpc/items/829301', { verb: 'POST' }, 'items.{verb}'],
    ['without what callers make up', '/rpc/items/%3Cscript%3E', { verb: 'POST' }, 'items.{verb}'],
    ['for several procedures at once', '/rpc/items/list,items.count', { verb: 'POST' }, 'items.list,items.count'],
    ['under its verb only if it is one', '/a', { verb: 'x y' }, '_OTHER /a'],
  ])('%s', (_, path, it, name) => {
    expect(namer.name(asked(path, it)).name).toBe(name)
  })

  test('needs are what the rules read, and bodies only where they decide', () => {
    expect(namer.needs).toEqual({ header: ['x-operation'], query: ['op'], body: true })
    expect(namer.needsBody('POST', '/jsonrpc?x')).toBe(true)
    expect(namer.needsBody('POST', '/rpc/a/b')).toBe(false)
    const hidden = methodNamer([{ path: '/*', verb: null, name: 'All' }, ...rules])
    expect(hidden.needsBody('POST', '/jsonrpc')).toBe(false)
  })

  test('names are bounded, whatever comes', () => {
    fc.assert(
      fc.property(fc.string(), fc.string({ unit: 'binary' }), fc.string(), fc.jsonValue({ maxDepth: 2 }), (verb, path, value, body) => {
        const { name } = namer.name(asked(path, { verb, body, header: { 'x-operation': value }, query: { op: value } }))
        expect(name.length).toBeLessThanOrEqual(nameCharactersMax)
      }),
    )
  })
})

describe('a path without ids', () => {
  test.each([
    ['/items/8', '/items/{id}'],
    ['/items/8f14e45f-ceea-4e6a-b0b3-1234567890ab/x', '/items/{id}/x'],
    ['/users/alice@example.com', '/users/{id}'],
    ['/customers/cus_NffrFeUfNV2Hib', '/customers/{id}'],
    ['/2024-05-01/report', '/{id}/report'],
    ['/static/app.3f2a9c1b.js', '/static/app.{id}.js'],
    ['/v1/items/123:archive', '/v1/items/{id}:archive'],
    ['/search/hello%20world', '/search/{id}'],
    ['/10.0.0.1/x;jsessionid=83', '/{id}/x'],
    ['//a///b/?q=1#x', '/a/b'],
    ['', '/'],
    [`/${'a/'.repeat(20)}`, `/${'a/'.repeat(12)}*`],
  ])('%s is %s', (path, template) => {
    expect(templateOf(path)).toBe(template)
  })

  test.each([
    '/api/v2/oauth2/token',
    '/getCustomerOrdersByCompany',
    '/internationalization/administration-responsibilities',
    '/.well-known/openid-configuration',
    '/s3/base64/mp3/2fa',
    '/trpc/items.list',
    '/v1.2/feature_flags',
    '/auth/signInWithEmailAndPassword',
  ])('%s keeps its words', (path) => {
    expect(templateOf(path)).toBe(path)
  })

  const alphabet = (characters: string, length: number) =>
    fc.array(fc.constantFrom(...characters.split('')), { minLength: length, maxLength: length }).map((it) => it.join(''))
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
  const ids = fc.oneof(
    fc.uuid(),
    fc.ulid(),
    fc.nat().map(String),
    fc.nat().map((it) => String(-it)),
    alphabet('0123456789abcdef', 24),
    fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('2200-01-01') }).map((it) => it.toISOString().slice(0, 10)),
  )
  test('ids of every usual kind go', () => {
    fc.assert(
      fc.property(ids, ids, (one, other) => {
        expect(templateOf(`/items/${one}/comments/${other}`)).toMatch(/^\/items\/-?\{id\}\/comments\/-?\{id\}$/)
      }),
    )
  })

  test('of generated names of 21 letters, digits, dashes and underscores, fewer than one in fifty is a template of its own', () => {
    const generated = fc.sample(alphabet(`${letters}0123456789_-`, 21), { numRuns: 2_000, seed: 1 })
    expect(new Set(generated.map((id) => templateOf(`/x/${id}`))).size).toBeLessThan(40)
  })

  test('is what it is of its own answer', () => {
    fc.assert(
      fc.property(fc.oneof(fc.webPath(), fc.string({ unit: 'binary' })), (path) => {
        expect(templateOf(templateOf(path))).toBe(templateOf(path))
      }),
      { numRuns: 500 },
    )
  })
})

describe('the book of methods', () => {
  test('takes so many names; what comes later is counted under the overflow’s', () => {
    const book = createMethodBook(2)
    expect(['a', 'b', 'c', 'a', 'c'].map((name) => book.take(name))).toEqual(['a', 'b', overflowMethod, 'a', overflowMethod])
    expect([book.overflowed, book.size]).toEqual([2, 2])
  })

  test('is not filled by those who ask for what is not there', () => {
    const book = createMethodBook(10)
    book.take('GET /items/{id}')
    expect(book.take('GET /items/{id}', 'GET (not found)')).toBe('GET /items/{id}')
    for (let nth = 0; nth < 100; nth++) expect(book.take(`GET /hole-${nth}`, 'GET (not found)')).toBe('GET (not found)')
    expect([book.overflowed, book.size]).toEqual([0, 2])
  })
})
