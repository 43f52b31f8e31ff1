/**
 * Simulated users against a cloud's edge. Open loop: requests are due at a steady rate whether earlier ones were
 * answered or not, and their time counts from the moment they were due, so a stall cannot hide itself.
 */
import { Agent, request as httpRequest } from 'node:http'
import type { Random } from '@belay/base'
import { type Figures, figuresOf } from './figures.ts'
import { beginJourney, type Journey, type Step } from './journeys.ts'

export type Traffic = {
  /** Requests per second from now on; 0 pauses. */
  pace(perSecond: number): void
  /** Opens a stretch that is counted on its own; `end` waits for what was sent in it. */
  stretch(): { end(): Promise<Figures>; soFar(): { sent: number; failed: number } }
  /** Sends no more and waits for what is under way. */
  stop(): Promise<void>
}

type User = { as: string | undefined; journey: Journey; next: Step }
type Stretch = { durationsMs: number[]; failures: Map<string, number>; beganAt: number; open: number }

/** A request that takes longer has failed. Slow is told beside failed, so this is what a browser would bear, not a person. */
const answerMsMax = 30_000
/** At 150 requests a second eight seconds of everything standing still; beyond it a due request counts as failed. */
const usersMax = 1_200
const tickMs = 5

/** `people`: whom they act as, by the ids of the cloud's members; nobody in particular when there are none. */
export function startTraffic(options: { url: string; perSecond: number; random: Random; people?: readonly string[] }): Traffic {
  const { random, people = [] } = options
  const agent = new Agent({ keepAlive: true, maxSockets: usersMax })
  const free: User[] = []
  const stretches = new Set<Stretch>()
  let users = 0
  let perSecond = options.perSecond
  let countedFrom = performance.now()
  let dueSince = 0
  let underWay = 0

  const timer = setInterval(() => {
    const now = performance.now()
    const due = Math.floor(((now - countedFrom) * perSecond) / 1_000)
    for (; dueSince < due; dueSince++) void send(countedFrom + (dueSince * 1_000) / perSecond)
  }, tickMs)

  async function send(dueAt: number): Promise<void> {
    const counted = [...stretches]
    const end = (failure: string | undefined) => {
      for (const stretch of counted) {
        stretch.open--
        stretch.durationsMs.push(performance.now() - dueAt)
        if (failure !== undefined) stretch.failures.set(failure, (stretch.failures.get(failure) ?? 0) + 1)
      }
    }
    for (const stretch of counted) stretch.open++
    const user = free.pop() ?? (users < usersMax ? newUser() : undefined)
    if (user === undefined) return end(`not sent: ${usersMax} requests were waiting for their answers`)
    underWay++
    const { text, failure } = await sendStep(options.url, agent, user)
    underWay--
    end(failure)
    const next = failure === undefined ? user.journey.next(text) : undefined
    free.unshift(next === undefined || next.done ? newUser(user) : Object.assign(user, { next: next.value }))
  }

  function newUser(before?: User): User {
    if (before === undefined) users++
    const journey = beginJourney(random)
    return { as: people[Math.floor(random() * people.length)], journey, next: journey.next('').value as Step }
  }

  return {
    pace: (next) => {
      perSecond = next
      countedFrom = performance.now()
      dueSince = 0
    },
    stretch: () => {
      const stretch: Stretch = { durationsMs: [], failures: new Map(), beganAt: performance.now(), open: 0 }
      stretches.add(stretch)
      return {
        soFar: () => ({
          sent: stretch.durationsMs.length + stretch.open,
          failed: figuresOf([], stretch.failures, 0).failed,
        }),
        end: async () => {
          stretches.delete(stretch)
          const seconds = (performance.now() - stretch.beganAt) / 1_000
          // Ends: every request has a time limit.
          while (stretch.open > 0) await pause(tickMs)
          return figuresOf(stretch.durationsMs, stretch.failures, seconds)
        },
      }
    },
    stop: async () => {
      clearInterval(timer)
      while (underWay > 0) await pause(tickMs)
      agent.destroy()
    },
  }
}

/** One request. Never throws: what went wrong is the failure. */
function sendStep(url: string, agent: Agent, { as, next: step }: User): Promise<{ text: string; failure?: string }> {
  return new Promise((resolve) => {
    const what = `${step.method} ${step.path.replace(/(items|lists|members)\/\w+|\?.*$/g, '$1')}`
    const request = httpRequest(`${url}${step.path}`, {
      agent,
      method: step.method,
      headers: {
        ...(as === undefined ? {} : { cookie: `me=${as}` }),
        ...(step.body === undefined ? {} : { 'content-type': step.type, 'content-length': Buffer.byteLength(step.body) }),
      },
    })
    const limit = setTimeout(() => request.destroy(new Error(`no answer within ${answerMsMax / 1_000} s`)), answerMsMax)
    const end = (text: string, because?: string) => {
      clearTimeout(limit)
      resolve(because === undefined ? { text } : { text, failure: `${what}: ${because}` })
    }
    request.on('error', (error) => end('', error.message))
    request.on('response', (response) => {
      const pieces: Buffer[] = []
      response.on('data', (piece: Buffer) => pieces.push(piece))
      response.on('error', (error) => end('', error.message))
      response.on('end', () => {
        const text = Buffer.concat(pieces).toString()
        if (response.statusCode !== step.status) end(text, `status ${response.statusCode} instead of ${step.status}: ${plain(text)}`)
        else if (!text.includes(step.contains)) end(text, `the answer lacks ${step.contains}`)
        else end(text)
      })
    })
    request.end(step.body)
  })
}

/** The start of an answer as one line, for the list of failures. */
function plain(text: string): string {
  const words = text.replace(/<style>.*?<\/style>|<[^>]*>/gs, ' ')
  return words.replace(/\s+/g, ' ').trim().slice(0, 160)
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
