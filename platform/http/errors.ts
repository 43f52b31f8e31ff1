/** Everything that is thrown becomes `{ error: { code, message, facts } }`, and nothing of the inside leaks. */
import { Problem } from '@belay/base'
import type { FastifyRequest } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { httpProblem } from './problems.ts'

export const problemEnvelope = z.object({
  error: z.object({ code: z.string(), message: z.string(), facts: z.record(z.string(), z.unknown()) }),
})

export const envelopeOf = ({ code, message, facts }: Problem): z.output<typeof problemEnvelope> => ({ error: { code, message, facts } })

/** The Problem to answer with; what is not one is logged and becomes `internal`. */
export function problemOf(thrown: unknown, request: FastifyRequest): Problem {
  if (thrown instanceof Problem) {
    if (thrown.status >= 500) request.log.error({ err: thrown }, thrown.message)
    return thrown
  }
  const known = refusedByFastify(thrown, request)
  if (known) return known
  request.log.error({ err: thrown }, 'a request failed that should not have')
  return httpProblem('internal', { request: request.id })
}

function refusedByFastify(thrown: unknown, request: FastifyRequest): Problem | undefined {
  if (!(thrown instanceof Error)) return undefined
  if (hasZodFastifySchemaValidationErrors(thrown)) {
    const part = { querystring: 'query', headers: 'header', body: 'body', params: 'params' }[thrown.validationContext ?? 'body']
    const problems = thrown.validation.map((it) => ({
      field: [part, ...it.instancePath.split('/').filter(Boolean)].join('.'),
      message: it.message ?? 'is not allowed',
    }))
    return httpProblem('bad-request', { problems })
  }
  const { code, statusCode } = thrown as { code?: string; statusCode?: number }
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return httpProblem('body-too-large', { maxBytes: request.routeOptions.bodyLimit ?? 0 })
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE')
    return httpProblem('bad-media-type', { got: request.headers['content-type'] ?? 'nothing', wants: 'application/json' })
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return httpProblem('bad-request', { problems: [{ field: 'request', message: thrown.message.replace(/\.$/, '') }] })
  return undefined
}
