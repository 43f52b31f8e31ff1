import { Problem, sentenceOf } from '@belay/base'
import type { Api } from '@belay/http'
import { routes } from '@belay/protocol'
import type { Access } from './access.ts'
import { safePath, sessionCookie, type Who } from './model.ts'

/**
 * The cookie lives as long as browsers let one live (400 days); when the session ends is known to the server, which
 * moves that end with every use and could not move the cookie's.
 */
const cookieMaxAgeS = 400 * 86_400

/** Registers the doors of access. `baseUrl` is how people reach this server, without a slash at the end. */
export function accessRoutes(api: Api<Who>, access: Access, options: { cloud: string; version: string; baseUrl(): string }): void {
  // Strict is enough although links come from elsewhere: the page itself needs no cookie, and what it then asks is its own.
  const cookie = () => ({ path: '/', httpOnly: true, sameSite: 'strict' as const, secure: options.baseUrl().startsWith('https:') })

  api.handle(routes.me, async ({ who }) => ({
    actor: who.actor,
    role: who.role,
    scopes: who.scopes ? [...who.scopes] : null,
    cloud: options.cloud,
    version: options.version,
  }))

  api.handle(routes.session.open, async ({ query, who, reply }) => {
    const to = safePath(query.to)
    try {
      const { session } = await access.redeemLink(query.link)
      return reply.setCookie(sessionCookie, session, { ...cookie(), maxAge: cookieMaxAgeS }).redirect(to)
    } catch (error) {
      // Whoever opens the link a second time in the same browser is where they wanted to be.
      if (who) return reply.redirect(to)
      if (!(error instanceof Problem) || !/text\/html/.test(reply.request.headers.accept ?? '')) throw error
      return reply
        .code(error.status)
        .type('text/html; charset=utf-8')
        .send(pageThatSays(sentenceOf(error)))
    }
  })
  api.handle(routes.session.close, async ({ reply, ...ask }) => {
    const session = ask.cookie(sessionCookie)
    if (session !== undefined) await access.signOut(session)
    reply.clearCookie(sessionCookie, cookie())
    return {}
  })

  api.handle(routes.users.list, async () => ({ users: await access.users.list() }))
  api.handle(routes.users.add, ({ body, who }) => access.users.add(body, who.actor))
  api.handle(routes.users.remove, async ({ params, who }) => {
    await access.users.remove(params.name, who.actor)
    return {}
  })
  api.handle(routes.users.link, async ({ params, who }) => {
    const { secret, expiresAt } = await access.issueLink(params.name, who.actor)
    return { url: `${options.baseUrl()}/sign-in?link=${secret}`, expiresAt }
  })

  api.handle(routes.tokens.list, async () => ({ tokens: await access.tokens.list() }))
  api.handle(routes.tokens.create, ({ body, who }) => access.tokens.create(body, who.actor))
  api.handle(routes.tokens.revoke, async ({ params, who }) => {
    await access.tokens.revoke(params.id, who.actor)
    return {}
  })
}

const escaped = (text: string) => text.replace(/[&<>"]/g, (it) => `&#${it.charCodeAt(0)};`)
const pageThatSays = (
  sentence: string,
) => `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Sign in</title><body style="font: 16px/1.5 system-ui; max-width: 34em; margin: 15vh auto; padding: 0 1em; color-scheme: light dark">
<h1 style="font-size: 1.3em">You are not signed in</h1><p>${escaped(sentence)}</p></body></html>
`
