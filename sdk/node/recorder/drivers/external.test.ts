import { freePort } from '@belay/testkit'
import { createServer, get, type IncomingMessage, type Server } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Call } from '../call.ts'
import { recorded } from './fixtures.ts'

const externalsOf = (call: Call) => (call.events ?? []).filter((it) => it.kind === 'external').map(({ text, failed }) => ({ text, failed }))

describe('calls to other services', () => {
  let server: Server
  let url: string
  const traces: (string | undefined)[] = []
  beforeAll(async () => {
    server = createServer((request, response) => {
      traces.push(request.headers.traceparent as string | undefined)
      response.statusCode = request.url === '/fails' ? 503 : 200
      setTimeout(() => response.end('ok'), 20)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as { port: number }).port}`
  })
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })
  const byHttp = (to: string, headers = {}) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      get(to, { headers }, (response) => response.resume().on('end', () => resolve(response))).on('error', reject)
    })

  test('are counted and timed, by fetch and by http, and go on with the trace', async () => {
    const text = `GET ${new URL(url).host}`
    for (const ask of [() => fetch(`${url}/secret?token=x`).then((it) => it.text()), () => byHttp(`${url}/secret?token=x`)]) {
      traces.length = 0
      const call = await recorded(ask)
      expect(externalsOf(call)).toEqual([{ text, failed: false }])
      expect(call.externals).toBe(1)
      expect(call.externalUs).toBeGreaterThan(15_000)
      expect(traces).toEqual([expect.stringMatching(new RegExp(`^00-${call.trace}-`))])
    }
  })

  test('a trace that the service set itself is left as it is', async () => {
    traces.length = 0
    const headers = { traceparent: '00-11111111111111111111111111111111-2222222222222222-01' }
    await recorded(() => fetch(url, { headers }).then((it) => it.text()))
    await recorded(() => byHttp(url, headers))
    expect(traces).toEqual([headers.traceparent, headers.traceparent])
  })

  test('fail with 5xx and without an answer', async () => {
    const nobody = `http://127.0.0.1:${await freePort()}`
    const call = await recorded(async () => {
      expect((await fetch(`${url}/fails`)).status).toBe(503)
      await expect(fetch(nobody)).rejects.toThrow('fetch failed')
      await expect(byHttp(nobody)).rejects.toThrow(/ECONNREFUSED/)
    })
    expect(externalsOf(call).map((it) => it.failed)).toEqual([true, true, true])
  })

  test('of calls that interleave are each charged for their own; outside of calls nothing is told', async () => {
    const told = await Promise.all(
      [1, 2, 3].map((many) =>
        recorded(async () => {
          for (let nth = 0; nth < many; nth++) await fetch(url).then((it) => it.text())
          await Promise.all(Array.from({ length: many }, () => byHttp(url)))
        }),
      ),
    )
    expect(told.map((call) => call.externals)).toEqual([2, 4, 6])
    traces.length = 0
    await fetch(url).then((it) => it.text())
    expect(traces).toEqual([undefined])
  })
})
