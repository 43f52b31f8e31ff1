/**
 * Belay's server: one process with the HTTP API, the page and the drivers of deployments.
 *
 * node main.ts [--repository DIR] [--home DIR] [--port N] [--host ADDRESS]
 * DATABASE_URL=postgres://... keeps the state in PostgreSQL instead of the home folder.
 * BELAY_FLAG_RATES=5000,2000 is how often a client key and an address may ask for flags, in requests a second.
 * BELAY_OFREP_REASONS=flagd sends the reason DEFAULT as flagd does; by default it is UNKNOWN, which OFREP's schema knows.
 */
import { existsSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Problem, sentenceOf } from '@belay/base'
import { pino } from 'pino'
import { serve } from './serve.ts'
import { serverProblem } from './problems.ts'

/** Spells "belay" nowhere; simply a port that nothing well known uses. */
const portByDefault = 4747
const pageFolder = fileURLToPath(new URL('../web/dist', import.meta.url))

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { repository: { type: 'string' }, home: { type: 'string' }, port: { type: 'string' }, host: { type: 'string' } },
  })
  const repository = resolve(values.repository ?? process.env.BELAY_REPOSITORY ?? '.')
  const port = Number(values.port ?? process.env.BELAY_PORT ?? portByDefault)
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw serverProblem('bad-argument', {
      argument: `--port ${values.port}`,
      allowed: 'A port is a whole number from 0 (any free one) to 65535.',
    })
  const reasons = process.env.BELAY_OFREP_REASONS ?? 'schema'
  if (reasons !== 'schema' && reasons !== 'flagd')
    throw serverProblem('bad-argument', { argument: `BELAY_OFREP_REASONS=${reasons}`, allowed: 'It is schema or flagd.' })
  const stop = new AbortController()
  const server = await serve({
    repository,
    home: resolve(values.home ?? process.env.BELAY_HOME ?? join(repository, '.belay')),
    host: values.host ?? '127.0.0.1',
    port,
    user: userInfo().username,
    page: existsSync(join(pageFolder, 'index.html')) ? pageFolder : undefined,
    flagRates: process.env.BELAY_FLAG_RATES,
    flagReasons: reasons,
    logger: pino(
      { level: process.env.BELAY_LOG ?? 'warn', redact: ['req.headers.authorization', 'req.headers.cookie'] },
      pino.destination(2),
    ),
    stop,
  })
  process.stdout.write(`Belay serves ${server.cloud} at ${server.url}\n`)
  if (server.signInUrl !== undefined) process.stdout.write(`Sign in (once, within 10 minutes): ${server.signInUrl}\n`)
  else process.stdout.write('Sign in: belay open\n')
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort(signal))
  await server.ended
  process.exit(0)
}

main().catch((error) => {
  process.stderr.write(
    `${error instanceof Problem ? sentenceOf(error) : error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  )
  process.exit(1)
})
