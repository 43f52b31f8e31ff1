/** What recorders speak with: `POST /api/sdk/calls` takes a batch, `GET /api/sdk/calls/rules` says how to name calls. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createHash } from 'node:crypto'
import { Problem } from '@belay/base'
import type { CallRules } from '@belay/call-record'
import { bodyOf, httpProblem, sendJson } from '@belay/http'
import { checkBatch } from './batch.ts'
import { intakeProblem } from './problems.ts'
import type { Intake } from './types.ts'

export const recorderPrefix = '/api/sdk/calls'

/** A full batch of 20,000 calls has 2 to 4 MB; names and exemplars of such a moment as much again. */
const bodyMaxBytes = 16 * 1_024 ** 2
/** Bodies that are being read at once; each may be as large as that. */
const readingMax = 16

export type ReceiveOptions = {
  readonly intake: Pick<Intake, 'takeBatch'>
  /** Which environment the sender's key is for. @throws Problem for strangers, and for those who may not send. */
  environmentOf(request: IncomingMessage): Promise<string>
  rules(): CallRules
  log(line: string, error?: unknown): void
}

export function receiveHandler(options: ReceiveOptions): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const { intake, environmentOf, rules, log } = options
  let reading = 0

  async function take(environment: string, request: IncomingMessage): Promise<{ counted: boolean }> {
    if (reading >= readingMax) throw intakeProblem('calls-busy', { waitingBytes: readingMax * bodyMaxBytes, afterS: 1 })
    reading++
    try {
      const body = await bodyOf(request, { maxBytes: bodyMaxBytes })
      if (body === 'too-large') throw intakeProblem('calls-too-large', { maxBytes: bodyMaxBytes })
      if (body === 'unreadable')
        throw intakeProblem('calls-unclear', { field: 'the body', because: 'is not what its content-encoding says' })
      return await intake.takeBatch(environment, checkBatch(parsed(body)))
    } finally {
      reading--
    }
  }

  function sendRules(request: IncomingMessage, response: ServerResponse): void {
    const it = rules()
    const tag = `"${it.version}"`
    if (request.headers['if-none-match'] === tag) {
      response.writeHead(304, { etag: tag })
      response.end()
    } else sendJson(response, 200, JSON.stringify(it), ['etag', tag])
  }

  return async function handle(request, response) {
    try {
      const environment = await environmentOf(request)
      const path = (request.url ?? '').split('?')[0]
      if (request.method === 'POST' && path === recorderPrefix) sendJson(response, 200, JSON.stringify(await take(environment, request)))
      else if (request.method === 'GET' && path === `${recorderPrefix}/rules`) sendRules(request, response)
      else throw intakeProblem('calls-not-found', { path: path ?? '' })
    } catch (error) {
      const problem = error instanceof Problem ? error : httpProblem('internal', { request: 'of this moment' })
      if (!(error instanceof Problem)) log('A batch of calls failed that should not have.', error)
      if (response.headersSent) return void response.destroy()
      const { code, message, facts } = problem
      const after = typeof facts.afterS === 'number' ? ['retry-after', String(facts.afterS)] : []
      // Who is still sending would not read the refusal: an ordinary body is let in and thrown away, any other is cut off.
      const isOrdinary = Number(request.headers['content-length'] ?? Number.NaN) <= bodyMaxBytes
      if (isOrdinary) request.resume()
      const close = isOrdinary ? [] : ['connection', 'close']
      sendJson(response, problem.status, JSON.stringify({ error: { code, message, facts } }), [...close, ...after])
    }
  }
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch {
    throw intakeProblem('calls-unclear', { field: 'the body', because: 'is no JSON' })
  }
}

/** Rules with the version that their content gives them. */
export function withVersion(rules: Omit<CallRules, 'version'>): CallRules {
  return { version: createHash('sha256').update(JSON.stringify(rules)).digest('hex').slice(0, 16), ...rules }
}
