/** Takes what recorders and OpenTelemetry send, and forgets it but for the CPU time of each method, when that is asked for. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { CallBatch } from '@belay/call-record'

const sums = new Map<string, { calls: number; measured: number; cpuUs: number }>()

const server = createServer(async (request, response) => {
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(piece as Buffer)
  if (request.url === '/sums') return void response.end(JSON.stringify(Object.fromEntries(sums)))
  if (process.env.BENCH_SUMS === '1' && request.url === '/api/sdk/calls') add(JSON.parse(Buffer.concat(pieces).toString()) as CallBatch)
  const isProtobuf = request.headers['content-type'] === 'application/x-protobuf'
  response.setHeader('content-type', isProtobuf ? 'application/x-protobuf' : 'application/json')
  response.end(isProtobuf ? '' : JSON.stringify({ version: '1', methods: [], account: [], audiences: [], counted: true }))
})

function add({ names, calls }: CallBatch): void {
  for (let nth = 0; nth < calls.at.length; nth++) {
    const name = names.methods[calls.method[nth] as number] as string
    const sum = sums.get(name) ?? { calls: 0, measured: 0, cpuUs: 0 }
    sums.set(name, sum)
    sum.calls++
    const cpuUs = calls.cpuUs[nth] as number
    if (cpuUs < 0) continue
    sum.measured++
    sum.cpuUs += cpuUs
  }
}

process.on('disconnect', () => process.exit())
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }))
