/**
 * The edge: what a browser or an app reaches. `/api/Method.name` goes to an api, all else to a web, in turn; an
 * instance that is about to restart is drained first, so that nobody meets a closed door.
 *
 * Who is drained lives in memory only: an edge that starts anew meets instances that are all meant to serve.
 */
import { Agent } from 'node:http'
import { addressesOf, here, hostsOfEnvironment } from '#shared/belay.ts'
import { bodyOf, type Handle, Refusal, replyJson, serve } from '#shared/server.ts'
import { type Forwarded, forward, mayTryAgain } from './forward.ts'
import { Pool } from './pool.ts'

/** While the only instance of a service restarts, requests wait this long at the edge instead of failing. */
const holdMsMax = 10_000
/** Beyond this many requests in hand the edge says so at once: each holds a socket and its body. */
const inHandMax = 2_000
const drainMsMax = 10_000

const api = new Pool('api', addressesOf('api'))
const web = new Pool('web', addressesOf('web'))
// Enough connections that one instance can take all the traffic while the other restarts.
const agents = new Map([...api.upstreams, ...web.upstreams].map((it) => [it.address, new Agent({ keepAlive: true, maxSockets: 512 })]))
let inHand = 0

serve({
  handle: (request, response, url) => (url.pathname.startsWith('/-/') ? steer : pass)(request, response, url),
  // An edge is well when it listens; whether those behind it are is told by their own checks.
  health: async () => ({ inHand, api: api.upstreams, web: web.upstreams }),
})

const pass: Handle = async (request, response, url) => {
  if (inHand >= inHandMax) throw new Refusal(503, 'busy', `The edge has ${inHandMax} requests in hand. Try again in a moment.`)
  inHand++
  try {
    const body = await bodyOf(request)
    const pool = url.pathname.startsWith('/api/') ? api : web
    const first = await pool.wait(holdMsMax)
    if (first === undefined) throw new Refusal(503, 'nobody-serves', `No ${pool.service} serves at the moment.`)
    let outcome = await forward(first, agentOf(first.address), request, body, response)
    if (outcome === 'refused') pool.refused(first, Date.now())
    if (outcome !== 'answered' && mayTryAgain(outcome, request.method ?? 'GET', response.headersSent)) {
      const second = await pool.wait(holdMsMax, first)
      if (second !== undefined) outcome = await forward(second, agentOf(second.address), request, body, response)
    }
    if (!response.headersSent) throw new Refusal(502, outcome, sayWhy(pool.service, outcome))
  } finally {
    inHand--
  }
}

function sayWhy(service: string, outcome: Forwarded): string {
  if (outcome === 'timed-out') return `The ${service} took too long.`
  return outcome === 'refused' ? `No ${service} takes connections.` : `The ${service} broke off.`
}

/** `/-/drain?address=` and `/-/undrain?address=`, for the hosts of this environment only. */
const steer: Handle = async (request, response, url) => {
  const from = (request.socket.remoteAddress ?? '').replace('::ffff:', '')
  if (!hostsOfEnvironment().has(from)) throw new Refusal(403, 'not-yours', `Only hosts of ${here.environment} may steer this edge.`)
  const address = url.searchParams.get('address') ?? ''
  const pool = [api, web].find((it) => it.upstreams.some((upstream) => upstream.address === address))
  const upstream = pool?.upstreams.find((it) => it.address === address)
  if (pool === undefined || upstream === undefined) {
    return replyJson(response, 200, { says: `${address} is not behind this edge, so nothing is sent to it` })
  }
  if (url.pathname === '/-/undrain') {
    pool.undrain(upstream)
    return replyJson(response, 200, { says: `${pool.service} ${address} serves again` })
  }
  if (url.pathname !== '/-/drain') throw new Refusal(404, 'unknown', 'The edge knows /-/drain and /-/undrain.')
  const { drained, inFlight, waitedMs } = await pool.drain(upstream, drainMsMax)
  if (!drained) throw new Refusal(504, 'not-drained', `${address} still has ${inFlight} requests in hand after ${waitedMs} ms.`)
  agentOf(address).destroy()
  const left = pool.upstreams.filter((it) => !it.drained).length
  replyJson(response, 200, {
    says: `${pool.service} ${address} is drained (waited ${waitedMs} ms); ${left} of ${pool.upstreams.length} serve`,
  })
}

function agentOf(address: string): Agent {
  const agent = agents.get(address)
  if (agent === undefined) throw new Error(`No agent for ${address}`)
  return agent
}
