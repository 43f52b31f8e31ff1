/** One service asks another: JSON over kept-alive connections, patient with one that is just restarting. */
import { Agent, request as httpRequest } from 'node:http'
import { Refusal } from './server.ts'

export type Asking = {
  method?: 'GET' | 'POST'
  body?: unknown
  /** It changes nothing, so it may be sent twice. A GET is always meant so. */
  reads?: boolean
  /** In all; longer than a busy machine needs, so that a slow answer is slow and not an error. */
  withinMs?: number
  /** How long a service that refuses connections may take to come back. */
  patienceMs?: number
}

// Fewer connections than a service would notice, more than one instance's requests in flight.
const agent = new Agent({ keepAlive: true, maxSockets: 256 })
const pauseMs = 40
let turn = 0

/**
 * The parsed answer of the first instance that takes the request. A refused connection never carried it, so the
 * next instance is asked; a read is also repeated when its connection broke.
 * @throws Refusal with the other side's status, code and sentence, or 503 `unreachable`.
 */
export async function ask<T>(addresses: readonly string[], path: string, asking: Asking = {}): Promise<T> {
  const deadline = Date.now() + (asking.withinMs ?? 15_000)
  const patientUntil = Math.min(deadline, Date.now() + (asking.patienceMs ?? 5_000))
  while (true) {
    const address = addresses[turn++ % Math.max(1, addresses.length)]
    if (address === undefined) throw new Refusal(503, 'unreachable', `Nobody is there to answer ${path}.`)
    try {
      return await once<T>(address, path, asking, deadline - Date.now())
    } catch (error) {
      if (error instanceof Refusal) throw error
      const { code, again } = error as NotAnswered
      if (!again || Date.now() + pauseMs > patientUntil)
        throw new Refusal(503, 'unreachable', `${address} did not answer ${path} (${code}).`)
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
  }
}

type NotAnswered = { code: string; again: boolean }

function once<T>(address: string, path: string, asking: Asking, timeoutMs: number): Promise<T> {
  const text = asking.body === undefined ? undefined : JSON.stringify(asking.body)
  const method = asking.method ?? (text === undefined ? 'GET' : 'POST')
  const reads = asking.reads ?? method === 'GET'
  return new Promise((resolve, reject) => {
    const request = httpRequest(`http://${address}${path}`, {
      agent,
      method,
      timeout: Math.max(1, timeoutMs),
      headers: text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
    })
    request.on('timeout', () => request.destroy(Object.assign(new Error('timed out'), { code: 'ETIMEDOUT' })))
    request.on('error', (error: NodeJS.ErrnoException) => {
      const code = error.code ?? error.message
      const again = code === 'ECONNREFUSED' || (reads && (code === 'ECONNRESET' || code === 'EPIPE'))
      reject({ code, again } satisfies NotAnswered)
    })
    request.on('response', async (response) => {
      try {
        let answer = ''
        response.setEncoding('utf8')
        for await (const piece of response) answer += piece
        const value = JSON.parse(answer) as T & { error?: { code: string; message: string } }
        const status = response.statusCode ?? 500
        if (status < 400) resolve(value)
        else reject(new Refusal(status, value.error?.code ?? 'broken', value.error?.message ?? `${address}${path} answered ${status}`))
      } catch (error) {
        reject(new Refusal(502, 'unreadable', `${address}${path}: ${String(error)}`))
      }
    })
    request.end(text)
  })
}
