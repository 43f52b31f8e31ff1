/**
 * Who sees what: flags, asked by OFREP 0.3.0, which is plain JSON over HTTP and the same at every flag server that
 * speaks it. Belay tells every service where and with which key; one that was not told has every flag off.
 *
 * A flag must neither fail nor hold up anybody's request. What was answered is remembered until the server's stream of
 * events tells of a change; while there is no answer the last one counts, and before the first one the flag is off.
 */
import { channel } from 'node:diagnostics_channel'
import { Agent, type ClientRequest, type IncomingMessage, request as httpRequest, type RequestOptions } from 'node:http'

/** What rules may ask about somebody. */
export type Person = { id: string; name: string; email: string; role: string }
export type Flags = {
  isOn(flag: string, person: Person): Promise<boolean>
  /** Closes the stream and asks no more; what is known stays known. */
  close(): void
}
type Place = { url: string | undefined; key: string | undefined }
type Answer = { isOn: boolean; askedAt: number; news: number; asking: Promise<void> | undefined }

/** So long a request waits for an answer; usually it takes a millisecond or two. */
const patienceMs = 250
/** An answer that comes later than this comes too late even to be remembered. */
const answerMsMax = 2_000
/** Without a stream a change is seen after so long; with one it is news, and this is for rules that look at the time. */
const rememberMs = { alone: 1_000, listening: 30_000 }
/** A server that is away is asked so often whether it is back, by nobody's request. */
const againMs = 200
/** Servers send a sign of life every few seconds; a connection that is silent for so long is dead. */
const silenceMsMax = 45_000
/** A name and two numbers each. Beyond it those who were asked about longest ago are forgotten. */
const rememberedMax = 10_000
/** Questions under way; a server that needs more of them at once is too slow to be waited for. */
const askingMax = 64
const answerBytesMax = 256 * 1_024
const met = channel('belay:evaluation')

export function openFlags({ url, key }: Place): Flags {
  const answers = new Map<string, Answer>()
  const agent = new Agent({ keepAlive: true, maxSockets: 16 })
  /** Counts changes: what was asked about before the last one is old. */
  let news = 0
  /** What the last event called the state to ask for, so that a second server behind the same address catches up first. */
  let state = ''
  let stream: 'none' | 'opening' | 'open' = 'none'
  let streaming: ClientRequest | undefined
  let asking = 0
  let triedAt = 0
  let isAway = false
  let isLate = false
  let isClosed = false

  async function isOn(flag: string, person: Person): Promise<boolean> {
    const answer = await answerFor(flag, person)
    // Whoever records what requests cost learns which variant this one met.
    if (met.hasSubscribers) met.publish({ flag, variant: answer ? 'on' : 'off' })
    return answer
  }

  async function answerFor(flag: string, person: Person): Promise<boolean> {
    if (url === undefined || key === undefined) return false
    if (stream === 'none') void listen()
    const about = answerAbout(flag, person.id)
    if (about.news === news && Date.now() - about.askedAt < rememberMs[stream === 'open' ? 'listening' : 'alone']) return about.isOn
    if (about.asking === undefined && asking < askingMax && !isClosed && !(isAway && Date.now() - triedAt < againMs))
      about.asking = askAbout(about, flag, person)
    // Once somebody waited in vain nobody waits, until answers come again.
    if (about.asking !== undefined && !isAway && !isLate && (await Promise.race([about.asking, pause(patienceMs)])) === 'late')
      isLate = true
    return about.isOn
  }

  function answerAbout(flag: string, id: string): Answer {
    const name = `${flag} ${id}`
    const known = answers.get(name) ?? { isOn: false, askedAt: 0, news: -1, asking: undefined }
    // Moved to the end: the first of the map is always the one that was needed longest ago.
    answers.delete(name)
    answers.set(name, known)
    const [first] = answers.keys()
    if (answers.size > rememberedMax && first !== undefined) answers.delete(first)
    return known
  }

  async function askAbout(about: Answer, flag: string, { id, name, email, role }: Person): Promise<void> {
    const asked = { askedAt: Date.now(), news }
    triedAt = asked.askedAt
    asking++
    try {
      const path = `/ofrep/v1/evaluate/flags/${encodeURIComponent(flag)}${state}`
      const { status, body } = await post(path, { targetingKey: id, name, email, role })
      // 404: nobody made the flag yet. No value: the code's own default counts, which is off.
      if (status !== 200 && status !== 404) throw new Error(`status ${status}`)
      Object.assign(about, asked, { isOn: status === 200 && body.value === true })
      isLate = false
      tell(false)
    } catch (error) {
      tell(true, error)
    } finally {
      asking--
      about.asking = undefined
    }
  }

  /** Once for every time that the server goes and comes. */
  function tell(away: boolean, error?: unknown): void {
    if (away !== isAway) console.log(away ? `no flags, the last answers count: ${String(error)}` : 'flags are answered again')
    isAway = away
  }

  /** An answer for all flags names the stream; every stream that ends is opened anew, and then all answers are old. */
  async function listen(): Promise<void> {
    while (!isClosed) {
      stream = 'opening'
      const address = await streamAddress().catch(() => undefined)
      if (address !== undefined) await follow(address)
      if (!isClosed) await pause(againMs)
    }
  }

  async function streamAddress(): Promise<URL | undefined> {
    const { body } = await post('/ofrep/v1/evaluate/flags', {})
    const streams = Array.isArray(body.eventStreams) ? (body.eventStreams as Stream[]) : []
    const it = streams.find(({ type }) => type === 'sse')
    return it?.url === undefined ? it?.endpoint && new URL(it.endpoint.requestUri, it.endpoint.origin ?? url) : new URL(it.url)
  }

  function follow(address: URL): Promise<void> {
    return new Promise((resolve) => {
      streaming = httpRequest(address, { headers: { accept: 'text/event-stream' } }, (response) => {
        if (response.statusCode !== 200) return void response.destroy()
        stream = 'open'
        news++
        eachEvent(response, (event) => {
          if (event.type !== 'refetchEvaluation') return
          state = typeof event.etag === 'string' ? `?flagConfigEtag=${encodeURIComponent(event.etag)}` : ''
          news++
        })
      })
      streaming.setTimeout(silenceMsMax, () => streaming?.destroy())
      streaming.on('error', () => {})
      streaming.on('close', () => {
        stream = 'opening'
        state = ''
        resolve()
      })
      streaming.end()
    })
  }

  function post(path: string, context: object): Promise<{ status: number; body: Record<string, unknown> }> {
    const text = JSON.stringify({ context })
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }
    return send(new URL(`${url?.replace(/\/$/, '')}${path}`), { agent, method: 'POST', headers }, text)
  }

  return {
    isOn,
    close: () => {
      isClosed = true
      streaming?.destroy()
      agent.destroy()
    },
  }
}

type Stream = { type: string; url?: string; endpoint?: { requestUri: string; origin?: string } }

function send(address: URL, options: RequestOptions, text: string): Promise<{ status: number; body: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(address, options, async (response) => {
      try {
        let answer = ''
        response.setEncoding('utf8')
        for await (const piece of response as AsyncIterable<string>) {
          answer += piece
          if (answer.length > answerBytesMax) throw new Error(`an answer of more than ${answerBytesMax} bytes`)
        }
        resolve({ status: response.statusCode ?? 0, body: JSON.parse(answer) as Record<string, unknown> })
      } catch (error) {
        reject(error)
      } finally {
        clearTimeout(limit)
      }
    })
    const limit = setTimeout(() => request.destroy(new Error(`no answer within ${answerMsMax} ms`)), answerMsMax)
    request.on('error', (error) => {
      clearTimeout(limit)
      reject(error)
    })
    request.end(text)
  })
}

/** Data of server-sent events is one line of JSON each; what cannot be read is nobody's news. */
function eachEvent(response: IncomingMessage, take: (event: Record<string, unknown>) => void): void {
  let rest = ''
  response.setEncoding('utf8')
  response.on('error', () => {})
  response.on('data', (piece: string) => {
    const lines = (rest + piece).split(/\r?\n/)
    rest = lines.pop() ?? ''
    if (rest.length > answerBytesMax) return void response.destroy()
    for (const line of lines.filter((it) => it.startsWith('data:'))) {
      try {
        take(JSON.parse(line.slice('data:'.length)) as Record<string, unknown>)
      } catch {}
    }
  })
}

/** Waits without keeping the process from its end. */
function pause(ms: number): Promise<'late'> {
  return new Promise((resolve) => setTimeout(resolve, ms, 'late' as const).unref())
}
