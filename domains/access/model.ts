/** Who may sign in, for how long, and what a token may do. Pure. */
import { type Action, actions, permissions, type Role, roles } from '@belay/protocol'
import { accessProblem } from './problems.ts'

/** Somebody who asks: a person, or a token with what it was narrowed to. */
export type Who = {
  /** As facts name them: `ada`, `token:ci`. */
  readonly actor: string
  readonly role: Role
  readonly scopes?: readonly string[]
}

/** Long enough to find the terminal's line and open it; short enough that one found in a scrollback is dead. */
export const linkTtlMs = 10 * 60_000
/** A month without use ends a session; each use begins the month anew. */
export const sessionTtlMs = 30 * 86_400_000
/** The token of this machine's command line is replaced at every start; a server that runs longer than this is rare. */
export const localTokenTtlMs = 366 * 86_400_000
/** Use is noted to the minute: every request would otherwise be a write. */
export const seenEveryMs = 60_000
/** An ended token is remembered for this long, so that whoever still uses it is told when it ended and not just "no". */
export const endedKeptMs = 30 * 86_400_000

export const sessionCookie = 'belay_session'
export const tokenPrefix = 'blt_'

/** A token can do no more than the person who made it can do now. */
export function effectiveRole(token: Role, maker: Role | undefined): Role {
  return maker !== undefined && roles.indexOf(maker) < roles.indexOf(token) ? maker : token
}

/** @throws Problem `scope-unknown`, `scope-beyond-role`. */
export function checkScopes(scopes: readonly string[], role: Role): void {
  for (const scope of scopes) {
    if (!isAction(scope)) throw accessProblem('scope-unknown', { scope, known: actions })
    const needs = permissions[scope]
    if (roles.indexOf(role) < roles.indexOf(needs)) throw accessProblem('scope-beyond-role', { scope, role, needs })
  }
}
export const isAction = (text: string): text is Action => Object.hasOwn(permissions, text)

/** A path of this server and nothing else: a link must not lead a person, freshly signed in, to somebody's copy of the page. */
export function safePath(to: string | undefined): string {
  return to !== undefined && /^\/(?![/\\])[^\s\\]*$/.test(to) ? to : '/'
}

/** The machine's account names may hold what a person's name here may not. */
export const personName = (account: string): string => account.replace(/[^\w.@-]/g, '-').slice(0, 64) || 'admin'
