import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { type Clock, invariant, sayDuration } from '@belay/base'
import { sha256 } from '@belay/base/node'
import { type Credentials, httpProblem } from '@belay/http'
import type { Ledger } from '@belay/ledger'
import { type Action, may, type Role, type tokenWire, type userWire, whyNot } from '@belay/protocol'
import { type Db, fromFlag, fromJson, type Store, toFlag, toJson } from '@belay/store'
import type { z } from 'zod'
import {
  checkScopes,
  effectiveRole,
  endedKeptMs,
  isAction,
  linkTtlMs,
  localTokenTtlMs,
  personName,
  seenEveryMs,
  sessionCookie,
  sessionTtlMs,
  tokenPrefix,
  type Who,
} from './model.ts'
import { accessProblem } from './problems.ts'
import { accessTables, sweep, type TokenRow } from './store.ts'

export type User = z.output<typeof userWire>
export type Token = z.output<typeof tokenWire>
export type Link = { readonly secret: string; readonly expiresAt: number }

export type Access = {
  /**
   * Who sends this cookie or token; undefined: nobody known.
   * @throws Problem `token-ended` when it was somebody until lately.
   */
  authenticate(request: Credentials): Promise<Who | undefined>
  readonly users: {
    list(): Promise<User[]>
    /** Adds a person, or changes their role. @throws Problem `last-admin`. */
    add(user: { name: string; role: Role }, by: string): Promise<User>
    /** Ends a person's sessions, links and the tokens that they made. @throws Problem `user-unknown`, `last-admin`. */
    remove(name: string, by: string): Promise<void>
  }
  readonly tokens: {
    list(): Promise<Token[]>
    /** The secret is in this answer and nowhere else. @throws Problem `scope-unknown`, `scope-beyond-role`, `token-name-taken`. */
    create(
      token: { name: string; role: Role; scopes: readonly string[]; ttlMs: number },
      by: string,
    ): Promise<{ token: Token; secret: string }>
    /** @throws Problem `token-unknown`. */
    revoke(id: string, by: string): Promise<void>
  }
  /** A link that signs this person in once, within 10 minutes. @throws Problem `user-unknown`. */
  issueLink(name: string, by?: string): Promise<Link>
  /** Trades a link for a session, whose secret goes into the cookie. @throws Problem `link-ended`. */
  redeemLink(secret: string): Promise<{ session: string; who: Who }>
  signOut(session: string): Promise<void>
  /** While no admin has ever signed in: makes one by this name if there is none, and a link for them. */
  ensureFirstAdmin(name: string): Promise<Link | undefined>
  /**
   * An admin's token for the command line of this machine; the one from the start before is ended. `of` tells apart
   * several servers of one database on one machine.
   */
  localToken(name: string, of?: string): Promise<string>
}

/** The actor of what the program does by itself. */
const self = 'belay'
const newSecret = () => randomBytes(32).toString('base64url')

export function openAccess({ store, ledger, clock }: { store: Store; ledger: Ledger; clock: Clock }): Access {
  async function bySession(secret: string): Promise<Who | undefined> {
    const hash = sha256(secret)
    const now = clock.now()
    const row = await accessTables(store.read)
      .selectFrom('access_session')
      .innerJoin('access_user', 'access_user.name', 'access_session.name')
      .select(['access_user.name', 'role', 'expires_at', 'seen_at'])
      .where('hash', '=', hash)
      .executeTakeFirst()
    if (!row || row.expires_at <= now) return undefined
    if (now - row.seen_at >= seenEveryMs) {
      noteUse(async (tx) => {
        await accessTables(tx)
          .updateTable('access_session')
          .set({ seen_at: now, expires_at: now + sessionTtlMs })
          .where('hash', '=', hash)
          .execute()
        await accessTables(tx).updateTable('access_user').set({ last_seen_at: now }).where('name', '=', row.name).execute()
      })
    }
    return { actor: row.name, role: row.role }
  }

  async function byToken(secret: string): Promise<Who | undefined> {
    const now = clock.now()
    const row = await accessTables(store.read)
      .selectFrom('access_token')
      .leftJoin('access_user', 'access_user.name', 'access_token.created_by')
      .selectAll('access_token')
      .select('access_user.role as maker_role')
      .where('hash', '=', sha256(secret))
      .executeTakeFirst()
    if (!row) return undefined
    if (row.expires_at <= now)
      throw accessProblem('token-ended', { name: row.name, at: new Date(row.expires_at).toISOString().slice(0, 10) })
    if (now - (row.last_used_at ?? 0) >= seenEveryMs) {
      noteUse(async (tx) => {
        await accessTables(tx).updateTable('access_token').set({ last_used_at: now }).where('id', '=', row.id).execute()
      })
    }
    if (fromFlag(row.local)) return { actor: row.name, role: row.role }
    const role = effectiveRole(row.role, row.maker_role ?? undefined)
    return { actor: `token:${row.name}`, role, ...(row.scopes === null ? {} : { scopes: fromJson<string[]>(row.scopes) }) }
  }

  /** When somebody was last seen is told to people only: losing it (a full disk, the end of the server) refuses nobody. */
  function noteUse(work: (tx: Db) => Promise<void>): void {
    store.write(work).catch(() => {})
  }

  async function keepAnAdmin(tx: Db, name: string): Promise<void> {
    const others = await accessTables(tx)
      .selectFrom('access_user')
      .select('name')
      .where('role', '=', 'admin')
      .where('name', '!=', name)
      .limit(1)
      .execute()
    if (others.length === 0) throw accessProblem('last-admin', { name })
  }

  async function addUser(tx: Db, { name, role }: { name: string; role: Role }, by: string): Promise<User> {
    const tables = accessTables(tx)
    const before = await tables.selectFrom('access_user').selectAll().where('name', '=', name).executeTakeFirst()
    if (!before) {
      const created_at = clock.now()
      await tables.insertInto('access_user').values({ name, role, created_at, last_seen_at: null }).execute()
      await ledger.append(tx, {
        actor: by,
        kind: 'user.added',
        subject: `user:${name}`,
        says: `gave ${name} access as ${role}`,
        data: { role },
      })
      return { name, role, createdAt: created_at, lastSeenAt: null }
    }
    if (before.role !== role) {
      if (before.role === 'admin') await keepAnAdmin(tx, name)
      await tables.updateTable('access_user').set({ role }).where('name', '=', name).execute()
      await ledger.append(tx, {
        actor: by,
        kind: 'user.role-changed',
        subject: `user:${name}`,
        says: `made ${name} ${role}, who was ${before.role}`,
        data: { role, before: before.role },
      })
    }
    return userOf({ ...before, role })
  }

  async function removeUser(tx: Db, name: string, by: string): Promise<void> {
    const tables = accessTables(tx)
    const user = await tables.selectFrom('access_user').selectAll().where('name', '=', name).executeTakeFirst()
    if (!user) throw accessProblem('user-unknown', { name })
    if (user.role === 'admin') await keepAnAdmin(tx, name)
    const tokens = await tables
      .deleteFrom('access_token')
      .where('created_by', '=', name)
      .where('local', '=', toFlag(false))
      .returning('name')
      .execute()
    // Sessions and links go with the person (foreign keys that cascade).
    await tables.deleteFrom('access_user').where('name', '=', name).execute()
    await ledger.append(tx, {
      actor: by,
      kind: 'user.removed',
      subject: `user:${name}`,
      says: `ended the access of ${name}`,
      data: { role: user.role, tokens: tokens.map((it) => it.name) },
    })
  }

  async function addLink(tx: Db, name: string, by: string): Promise<Link> {
    const user = await accessTables(tx).selectFrom('access_user').select('name').where('name', '=', name).executeTakeFirst()
    if (!user) throw accessProblem('user-unknown', { name })
    const secret = newSecret()
    const expiresAt = clock.now() + linkTtlMs
    await accessTables(tx)
      .insertInto('access_link')
      .values({ hash: sha256(secret), name, expires_at: expiresAt })
      .execute()
    await ledger.append(tx, {
      actor: by,
      kind: 'user.link-issued',
      subject: `user:${name}`,
      says: `made a sign-in link for ${name}, good once within ${sayDuration(linkTtlMs)}`,
      data: { expiresAt },
    })
    return { secret, expiresAt }
  }

  async function redeem(tx: Db, secret: string): Promise<{ session: string; who: Who }> {
    const tables = accessTables(tx)
    const now = clock.now()
    await sweep(tx, now, now - endedKeptMs)
    const link = await tables.deleteFrom('access_link').where('hash', '=', sha256(secret)).returning('name').executeTakeFirst()
    if (!link) throw accessProblem('link-ended', undefined)
    const { role } = await tables.selectFrom('access_user').select('role').where('name', '=', link.name).executeTakeFirstOrThrow()
    const session = newSecret()
    await tables
      .insertInto('access_session')
      .values({ hash: sha256(session), name: link.name, expires_at: now + sessionTtlMs, seen_at: now })
      .execute()
    await tables.updateTable('access_user').set({ last_seen_at: now }).where('name', '=', link.name).execute()
    await ledger.append(tx, { actor: link.name, kind: 'user.signed-in', subject: `user:${link.name}`, says: 'signed in' })
    return { session, who: { actor: link.name, role } }
  }

  async function addToken(
    tx: Db,
    token: { name: string; role: Role; scopes: readonly string[]; ttlMs: number },
    by: string,
  ): Promise<{ token: Token; secret: string }> {
    checkScopes(token.scopes, token.role)
    const { name, role } = token
    const now = clock.now()
    await sweep(tx, now, now - endedKeptMs)
    const taken = await accessTables(tx)
      .selectFrom('access_token')
      .select('id')
      .where('name', '=', name)
      .where('local', '=', toFlag(false))
      .where('expires_at', '>', now)
      .executeTakeFirst()
    if (taken) throw accessProblem('token-name-taken', { name })
    const secret = `${tokenPrefix}${newSecret()}`
    const row: TokenRow = {
      id: randomBytes(6).toString('hex'),
      hash: sha256(secret),
      name,
      role,
      scopes: toJson(token.scopes),
      created_by: by,
      created_at: now,
      expires_at: now + token.ttlMs,
      last_used_at: null,
      local: toFlag(false),
    }
    await accessTables(tx).insertInto('access_token').values(row).execute()
    await ledger.append(tx, {
      actor: by,
      kind: 'token.created',
      subject: `token:${name}`,
      says: `made the token ${name} (${role}${token.scopes.length > 0 ? `: ${token.scopes.join(', ')}` : ', may only look'}) for ${sayDuration(token.ttlMs)}`,
      data: { id: row.id, role, scopes: token.scopes, expiresAt: row.expires_at },
    })
    return { token: tokenOf(row), secret }
  }

  async function revokeToken(tx: Db, id: string, by: string): Promise<void> {
    const token = await accessTables(tx)
      .deleteFrom('access_token')
      .where('id', '=', id)
      .where('local', '=', toFlag(false))
      .returning('name')
      .executeTakeFirst()
    if (!token) throw accessProblem('token-unknown', { id })
    await ledger.append(tx, {
      actor: by,
      kind: 'token.revoked',
      subject: `token:${token.name}`,
      says: `ended the token ${token.name}`,
      data: { id },
    })
  }

  async function replaceLocalToken(tx: Db, name: string, of: string): Promise<string> {
    const now = clock.now()
    const secret = `${tokenPrefix}${newSecret()}`
    const id = `local-${sha256(of).slice(0, 12)}`
    await accessTables(tx).deleteFrom('access_token').where('id', '=', id).execute()
    const row = {
      name,
      role: 'admin' as const,
      scopes: null,
      created_by: self,
      created_at: now,
      expires_at: now + localTokenTtlMs,
      last_used_at: null,
    }
    await accessTables(tx)
      .insertInto('access_token')
      .values({ ...row, id, hash: sha256(secret), local: toFlag(true) })
      .execute()
    await ledger.append(tx, {
      actor: self,
      kind: 'token.replaced',
      subject: `token:${id}`,
      says: `made a new token for the command line of ${name} on ${hostname()}; the one before it is ended`,
    })
    return secret
  }

  return {
    async authenticate({ cookie, bearer }) {
      if (bearer !== undefined) return bearer.startsWith(tokenPrefix) ? await byToken(bearer) : undefined
      const session = cookie(sessionCookie)
      return session === undefined ? undefined : await bySession(session)
    },
    users: {
      async list() {
        const rows = await accessTables(store.read).selectFrom('access_user').selectAll().orderBy('name').execute()
        return rows.map(userOf)
      },
      add: (user, by) => store.write((tx) => addUser(tx, user, by)),
      remove: (name, by) => store.write((tx) => removeUser(tx, name, by)),
    },
    tokens: {
      async list() {
        const rows = await accessTables(store.read)
          .selectFrom('access_token')
          .selectAll()
          .where('local', '=', toFlag(false))
          .orderBy('name')
          .execute()
        return rows.map(tokenOf)
      },
      create: (token, by) => store.write((tx) => addToken(tx, token, by)),
      revoke: (id, by) => store.write((tx) => revokeToken(tx, id, by)),
    },
    issueLink: (name, by = self) => store.write((tx) => addLink(tx, name, by)),
    redeemLink: (secret) => store.write((tx) => redeem(tx, secret)),
    signOut: (session) =>
      store.write(async (tx) => {
        const ended = await accessTables(tx)
          .deleteFrom('access_session')
          .where('hash', '=', sha256(session))
          .returning('name')
          .executeTakeFirst()
        if (!ended) return
        await ledger.append(tx, {
          actor: ended.name,
          kind: 'user.signed-out',
          subject: `user:${ended.name}`,
          says: 'signed out',
        })
      }),
    ensureFirstAdmin: (account) =>
      store.write(async (tx) => {
        const admins = await accessTables(tx)
          .selectFrom('access_user')
          .selectAll()
          .where('role', '=', 'admin')
          .orderBy('created_at')
          .execute()
        if (admins.some((admin) => admin.last_seen_at !== null)) return undefined
        const name = admins[0]?.name ?? personName(account)
        if (admins.length === 0) await addUser(tx, { name, role: 'admin' }, self)
        return await addLink(tx, name, self)
      }),
    localToken: (account, of = hostname()) => store.write((tx) => replaceLocalToken(tx, personName(account), of)),
  }
}

/**
 * For what depends on data (deploying to production asks for more than deploying): the route's own `needs` is asked before.
 * @throws Problem `not-allowed` with the sentence why.
 */
export function requires(who: Who, action: Action): void {
  if (!may(who, action)) throw httpProblem('not-allowed', { needs: action, because: whyNot(who, action) })
}

/** What the HTTP ground asks of every route: the sentence why not, undefined when they may. */
export function refuse(who: Who, needs: string): string | undefined {
  invariant(isAction(needs), `a route needs an action of the permission table, not ${needs}`)
  return may(who, needs) ? undefined : whyNot(who, needs)
}

const userOf = (row: { name: string; role: Role; created_at: number; last_seen_at: number | null }): User => ({
  name: row.name,
  role: row.role,
  createdAt: row.created_at,
  lastSeenAt: row.last_seen_at,
})
const tokenOf = (row: TokenRow): Token => ({
  id: row.id,
  name: row.name,
  role: row.role,
  scopes: row.scopes === null ? [] : fromJson<string[]>(row.scopes),
  createdBy: row.created_by,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
  lastUsedAt: row.last_used_at,
})
