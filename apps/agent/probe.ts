/** Asking a service whether it is well, from where its neighbours would. */
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect } from 'node:net'
import { sayDuration } from '@belay/base'
import type { ProbeResult, ProbeSpec } from '@belay/exec'

/** A health page is short; text that must be contained stands near its beginning. */
const bodyBytesMax = 1024 * 1024

export function probe(spec: ProbeSpec): Promise<ProbeResult> {
  return spec.kind === 'http' ? probeHttp(spec) : probeTcp(spec)
}

function probeHttp({ url, contains, timeoutMs }: Extract<ProbeSpec, { kind: 'http' }>): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const startedMs = performance.now()
    const no = (says: string) => resolve({ ok: false, says })
    if (!/^https?:\/\//.test(url) || !URL.canParse(url)) return no(`${url} is no http address`)
    const late = AbortSignal.timeout(timeoutMs)
    const fail = (error: Error) =>
      no(late.aborted ? `no answer from ${url} within ${sayDuration(timeoutMs)}` : `${url}: ${error.message || String(error)}`)
    const start = url.startsWith('https:') ? httpsRequest : httpRequest
    // A connection of its own, closed at the end: a kept one would go to a process that is being replaced.
    const request = start(
      url,
      { agent: false, signal: late, headers: { connection: 'close', 'user-agent': 'belay-probe' } },
      (response) => {
        const chunks: Buffer[] = []
        let held = 0
        response.on('data', (chunk: Buffer) => {
          if (held < bodyBytesMax) chunks.push(chunk)
          held += chunk.length
        })
        response.on('error', fail)
        response.on('end', () => {
          const status = response.statusCode ?? 0
          const body = Buffer.concat(chunks).toString('utf8')
          const tookMs = performance.now() - startedMs
          const first = body.trim().split('\n')[0]?.slice(0, 200) ?? ''
          if (status < 200 || status > 299) return no(`${url} answered ${status}${first === '' ? '' : `: ${first}`}`)
          if (contains !== undefined && !body.includes(contains)) {
            return no(`${url} answered ${status}, but without ${JSON.stringify(contains)}: ${first}`)
          }
          resolve({ ok: true, says: `${status} in ${sayDuration(tookMs)}` })
        })
      },
    )
    request.on('error', fail)
    request.end()
  })
}

function probeTcp({ address, port, timeoutMs }: Extract<ProbeSpec, { kind: 'tcp' }>): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const startedMs = performance.now()
    const socket = connect({ host: address, port })
    const finish = (result: ProbeResult) => {
      clearTimeout(timer)
      socket.destroy()
      resolve(result)
    }
    const timer = setTimeout(
      () => finish({ ok: false, says: `no connection to ${address}:${port} within ${sayDuration(timeoutMs)}` }),
      timeoutMs,
    )
    socket.once('connect', () => finish({ ok: true, says: `connected in ${sayDuration(performance.now() - startedMs)}` }))
    socket.once('error', (error) => finish({ ok: false, says: `${address}:${port}: ${error.message}` }))
  })
}
