/** What access promises, run on each database, through real requests where a browser is meant. */
import { handClock } from '@belay/base'
import { createApi } from '@belay/http'
import { ledgerMigrations, openLedger } from '@belay/ledger'
import { createClient, routes } from '@belay/protocol'
import { openStore, type Store } from '@belay/store'
import type { StorePlace } from '@belay/testkit'
import { sql } from 'kysely'
import { afterAll, expect, test } from 'vitest'
import { accessMigrations, accessRoutes, openAccess, refuse, requires, type Who } from './index.ts'
import { linkTtlMs, sessionTtlMs } from './model.ts'

const dayMs = 86_400_000

/** `newDatabase` gives the place of a new, empty database. */
export function accessKeepsItsPromises(newDatabase: () => Promise<StorePlace>): void {
  const endings: (() => Promise<void>)[] = []
  afterAll(async () => {
    for (const end of endings) await end()
  })

  async function open() {
    const store = await openStore(await newDatabase())
    endings.push(() => store.close())
    await store.migrate([ledgerMigrations, accessMigrations])
    const clock = handClock()
    const ledger = openLedger({ store, clock })
    const access = openAccess({ store, ledger, clock })
    const kinds = async () => (await ledger.list({ order: 'oldest' })).facts.map((it) => `${it.actor} ${it.kind} ${it.subject}`)
    const asks = {
      cookie: (session: string) =>
        access.authenticate({ cookie: (name) => (name === 'belay_session' ? session : undefined), bearer: undefined, ip: '' }),
      token: (bearer: string) => access.authenticate({ cookie: () => undefined, bearer, ip: '' }),
    }
    return { store, clock, ledger, access, kinds, asks }
  }
  type Opened = Awaited<ReturnType<typeof open>>

  async function serve({ access }: Opened, baseUrl?: string) {
    const api = await createApi<Who>({
      name: 'Belay',
      version: '1',
      authenticate: access.authenticate,
      refuse,
      ready: async () => undefined,
    })
    let url = ''
    accessRoutes(api, access, { cloud: 'pages', version: '1', baseUrl: () => baseUrl ?? url })
    url = (await api.listen({ host: '127.0.0.1', port: 0 })).url
    endings.unshift(() => api.close())
    return url
  }
  const visit = (url: string, cookie?: string) =>
    fetch(url, { redirect: 'manual', headers: { accept: 'text/html', ...(cookie ? { cookie } : {}) } })
  const signIn = async ({ access }: Opened, name: string) => (await access.redeemLink((await access.issueLink(name)).secret)).session

  test('the first start makes an admin and a link; every start until it is used makes another, and then none', async () => {
    const { access, kinds } = await open()
    const first = await access.ensureFirstAdmin('ada lovelace')
    const second = await access.ensureFirstAdmin('somebody-else')
    expect(first?.secret).not.toBe(second?.secret)
    expect(await access.users.list()).toMatchObject([{ name: 'ada-lovelace', role: 'admin', lastSeenAt: null }])
    expect((await access.redeemLink(second?.secret ?? '')).who).toEqual({ actor: 'ada-lovelace', role: 'admin' })
    expect(await access.ensureFirstAdmin('ada')).toBeUndefined()
    expect(await kinds()).toEqual([
      'belay user.added user:ada-lovelace',
      'belay user.link-issued user:ada-lovelace',
      'belay user.link-issued user:ada-lovelace',
      'ada-lovelace user.signed-in user:ada-lovelace',
    ])
  })

  test('a link signs in once, and not after its ten minutes', async () => {
    const { access, clock } = await open()
    await access.users.add({ name: 'bob', role: 'viewer' }, 'ada')
    const link = await access.issueLink('bob')
    await access.redeemLink(link.secret)
    await expect(access.redeemLink(link.secret)).rejects.toMatchObject({ code: 'link-ended', status: 403 })
    const late = await access.issueLink('bob')
    await clock.tick(linkTtlMs)
    await expect(access.redeemLink(late.secret)).rejects.toMatchObject({ code: 'link-ended' })
    await expect(access.issueLink('nobody')).rejects.toMatchObject({ code: 'user-unknown' })
  })

  test('two who open the same link at once: one is signed in', async () => {
    const { access } = await open()
    await access.users.add({ name: 'bob', role: 'viewer' }, 'ada')
    const { secret } = await access.issueLink('bob')
    const results = await Promise.allSettled([access.redeemLink(secret), access.redeemLink(secret)])
    expect(results.map((it) => it.status).sort()).toEqual(['fulfilled', 'rejected'])
  })

  test('a session ends a month after its last use, not after its first', async () => {
    const opened = await open()
    const { access, clock, asks } = opened
    await access.users.add({ name: 'bob', role: 'operator' }, 'ada')
    const session = await signIn(opened, 'bob')
    for (let week = 0; week < 8; week++) {
      await clock.tick(7 * dayMs)
      expect(await asks.cookie(session)).toEqual({ actor: 'bob', role: 'operator' })
      // The use is noted beside the request; a write of ours comes after it.
      await opened.store.write(async () => {})
    }
    await clock.tick(sessionTtlMs)
    expect(await asks.cookie(session)).toBeUndefined()
    expect(await asks.cookie('unknown')).toBeUndefined()
  })

  test('a change of role counts at once, and whoever is removed is out at once with all that they made', async () => {
    const opened = await open()
    const { access, asks, kinds } = opened
    await access.users.add({ name: 'ada', role: 'admin' }, 'belay')
    await access.users.add({ name: 'bob', role: 'admin' }, 'ada')
    const session = await signIn(opened, 'bob')
    const { secret } = await access.tokens.create({ name: 'ci', role: 'operator', scopes: ['deploy'], ttlMs: dayMs }, 'bob')
    expect(await asks.token(secret)).toEqual({ actor: 'token:ci', role: 'operator', scopes: ['deploy'] })
    await access.users.add({ name: 'bob', role: 'developer' }, 'ada')
    expect(await asks.cookie(session)).toEqual({ actor: 'bob', role: 'developer' })
    expect(await asks.token(secret)).toEqual({ actor: 'token:ci', role: 'developer', scopes: ['deploy'] })
    await access.users.remove('bob', 'ada')
    expect(await asks.cookie(session)).toBeUndefined()
    expect(await asks.token(secret)).toBeUndefined()
    expect((await kinds()).slice(-2)).toEqual(['ada user.role-changed user:bob', 'ada user.removed user:bob'])
    await expect(access.users.remove('bob', 'ada')).rejects.toMatchObject({ code: 'user-unknown' })
  })

  test('the last admin can be neither removed nor demoted, even when two admins demote each other at once', async () => {
    const { access } = await open()
    await access.users.add({ name: 'ada', role: 'admin' }, 'belay')
    await expect(access.users.remove('ada', 'ada')).rejects.toMatchObject({ code: 'last-admin' })
    await expect(access.users.add({ name: 'ada', role: 'viewer' }, 'ada')).rejects.toMatchObject({ code: 'last-admin' })
    await access.users.add({ name: 'bob', role: 'admin' }, 'ada')
    const results = await Promise.allSettled([
      access.users.add({ name: 'ada', role: 'viewer' }, 'bob'),
      access.users.add({ name: 'bob', role: 'viewer' }, 'ada'),
    ])
    expect(results.map((it) => it.status).sort()).toEqual(['fulfilled', 'rejected'])
    expect((await access.users.list()).filter((it) => it.role === 'admin')).toHaveLength(1)
  })

  test('a token does what its role and scopes allow until it ends, and then says when that was', async () => {
    const { access, clock, asks } = await open()
    const { token, secret } = await access.tokens.create({ name: 'ci', role: 'developer', scopes: ['release.push'], ttlMs: dayMs }, 'ada')
    expect(secret).toMatch(/^blt_[\w-]{43}$/)
    expect(await access.tokens.list()).toEqual([{ ...token, lastUsedAt: null }])
    const who = (await asks.token(secret)) as Who
    expect(refuse(who, 'release.push')).toBeUndefined()
    expect(refuse(who, 'look')).toBeUndefined()
    expect(refuse(who, 'release.cut')).toMatch(/scopes leave out release.cut/)
    expect(() => requires(who, 'deploy.production')).toThrow(/needs the role operator; you are developer/)
    await clock.tick(dayMs)
    await expect(asks.token(secret)).rejects.toMatchObject({
      code: 'token-ended',
      status: 401,
      message: expect.stringContaining('The token ci ended on 2023-11-15'),
    })
    await clock.tick(60 * dayMs)
    await access.tokens.create({ name: 'ci', role: 'developer', scopes: [], ttlMs: dayMs }, 'ada')
    expect(await asks.token(secret)).toBeUndefined()
  })

  test('a token that is revoked is out at once; names of tokens in use are not given twice', async () => {
    const { access, asks } = await open()
    const ci = { name: 'ci', role: 'developer' as const, scopes: [], ttlMs: dayMs }
    const { token, secret } = await access.tokens.create(ci, 'ada')
    await expect(access.tokens.create(ci, 'ada')).rejects.toMatchObject({ code: 'token-name-taken' })
    await access.tokens.revoke(token.id, 'ada')
    expect(await asks.token(secret)).toBeUndefined()
    await expect(access.tokens.revoke(token.id, 'ada')).rejects.toMatchObject({ code: 'token-unknown' })
  })

  test('scopes that do not exist, or that the role may not do anyway, are refused', async () => {
    const { access } = await open()
    const create = (scope: string) => access.tokens.create({ name: 'ci', role: 'developer', scopes: [scope], ttlMs: dayMs }, 'ada')
    await expect(create('toString')).rejects.toMatchObject({ code: 'scope-unknown' })
    await expect(create('deploy.production')).rejects.toMatchObject({ code: 'scope-beyond-role' })
  })

  test("the command line's token of a machine is replaced at every start and belongs to no list", async () => {
    const { access, asks } = await open()
    const first = await access.localToken('ada')
    const elsewhere = await access.localToken('bob', 'another server')
    const second = await access.localToken('ada')
    expect(await asks.token(first)).toBeUndefined()
    expect(await asks.token(second)).toEqual({ actor: 'ada', role: 'admin' })
    expect(await asks.token(elsewhere)).toEqual({ actor: 'bob', role: 'admin' })
    expect(await access.tokens.list()).toEqual([])
  })

  test('no secret stands in the database or in the ledger', async () => {
    const opened = await open()
    const { access, store, ledger } = opened
    const local = await access.localToken('ada')
    await access.users.add({ name: 'bob', role: 'viewer' }, 'ada')
    const link = await access.issueLink('bob')
    const session = await signIn(opened, 'bob')
    const { secret } = await access.tokens.create({ name: 'ci', role: 'viewer', scopes: [], ttlMs: dayMs }, 'ada')
    const all = JSON.stringify([
      ...(await Promise.all(
        ['access_user', 'access_session', 'access_link', 'access_token', 'fact'].map((name) => everything(store, name)),
      )),
      (await ledger.list({})).facts,
    ])
    for (const it of [local, link.secret, session, secret]) expect(all).not.toContain(it)
  })

  test('a link opened in a browser sets a cookie that scripts cannot read, and leads to the page', async () => {
    const opened = await open()
    const url = await serve(opened)
    await opened.access.users.add({ name: 'bob', role: 'viewer' }, 'ada')
    const { secret } = await opened.access.issueLink('bob')
    const answer = await visit(`${url}/sign-in?link=${secret}&to=/releases/v2`)
    expect([answer.status, answer.headers.get('location')]).toEqual([302, '/releases/v2'])
    const [cookie, ...attributes] = (answer.headers.get('set-cookie') ?? '').split('; ')
    expect(attributes.sort()).toEqual(['HttpOnly', 'Max-Age=34560000', 'Path=/', 'SameSite=Strict'])
    const me = await fetch(`${url}/api/me`, { headers: { cookie: cookie ?? '' } })
    expect(await me.json()).toEqual({ actor: 'bob', role: 'viewer', scopes: null, cloud: 'pages', version: '1' })

    // Opened a second time: who is signed in goes on, everybody else is told in words.
    expect((await visit(`${url}/sign-in?link=${secret}`, cookie)).status).toBe(302)
    const refused = await visit(`${url}/sign-in?link=${secret}`)
    expect([refused.status, await refused.text()]).toEqual([403, expect.stringContaining('This sign-in link was used already')])

    const out = await fetch(`${url}/api/session`, { method: 'DELETE', headers: { cookie: cookie ?? '' } })
    expect([out.status, out.headers.get('set-cookie')]).toEqual([200, expect.stringContaining('belay_session=;')])
    expect((await fetch(`${url}/api/me`, { headers: { cookie: cookie ?? '' } })).status).toBe(401)
  })

  test('a link leads to this server only, and its cookie is for TLS where people reach the server by TLS', async () => {
    const opened = await open()
    const url = await serve(opened, 'https://belay.example.test')
    await opened.access.users.add({ name: 'bob', role: 'viewer' }, 'ada')
    for (const to of ['https://evil.test', '//evil.test', '/\\evil.test', 'evil', '/a\\b']) {
      const answer = await visit(`${url}/sign-in?link=${(await opened.access.issueLink('bob')).secret}&to=${encodeURIComponent(to)}`)
      expect([to, answer.headers.get('location'), answer.headers.get('set-cookie')]).toEqual([to, '/', expect.stringContaining('Secure')])
    }
  })

  test('people and tokens are managed through the API by admins only', async () => {
    const opened = await open()
    const url = await serve(opened)
    const admin = createClient({ url, token: await opened.access.localToken('ada') })
    expect(await admin.call(routes.users.add, { body: { name: 'bob', role: 'developer' } })).toMatchObject({
      name: 'bob',
      role: 'developer',
    })
    expect((await admin.call(routes.users.list, {})).users).toHaveLength(1)
    expect((await admin.call(routes.users.link, { params: { name: 'bob' } })).url).toMatch(new RegExp(`^${url}/sign-in\\?link=`))
    const { secret, token } = await admin.call(routes.tokens.create, {
      body: { name: 'ci', role: 'developer', scopes: ['deploy'], ttlMs: dayMs },
    })
    const ci = createClient({ url, token: secret })
    expect(await ci.call(routes.me, {})).toMatchObject({ actor: 'token:ci', role: 'developer', scopes: ['deploy'] })
    await expect(ci.call(routes.users.list, {})).rejects.toMatchObject({ code: 'not-allowed', status: 403 })
    expect((await admin.call(routes.tokens.list, {})).tokens).toHaveLength(1)
    await admin.call(routes.tokens.revoke, { params: { id: token.id } })
    await expect(ci.call(routes.me, {})).rejects.toMatchObject({ code: 'sign-in-needed', status: 401 })
    await admin.call(routes.users.remove, { params: { name: 'bob' } })
    expect((await admin.call(routes.users.list, {})).users).toEqual([])
  })
}

const everything = async (store: Store, table: string) => (await sql`select * from ${sql.table(table)}`.execute(store.read)).rows
