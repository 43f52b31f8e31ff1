/**
 * `belay demo`: a server, a small cloud in private, QA and production, a git repository of its releases, and people
 * who use it. Tells the story, then stays up until Ctrl-C; a second start shows what the first one left.
 *
 * node demo.ts [--once] [--json] [--fresh] [--port N] [--home DIR] [--seed N]
 */
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { defineProblems, Problem, sayDuration, seededRandom, sentenceOf, systemClock } from '@belay/base'
import { routes } from '@belay/protocol'
import { type Folder, openFolder } from './folder.ts'
import { type Person, peopleOf } from './people.ts'
import { openRepository } from './repository.ts'
import { choosePort, endAgent, type ServerProcess, startServer, stopServices } from './server-process.ts'
import { urlOf } from './steps.ts'
import { emptyTold, playStory } from './story.ts'
import { sayTable, type Summary, summaryOf } from './summary.ts'
import { createTell, type Tell } from './tell.ts'
import { startTraffic, type Traffic } from './traffic.ts'

const problem = defineProblems({
  'demo-bad-flag': { status: 400, say: ({ why }: { why: string }) => `${why} Flags: --once --json --fresh --port N --home DIR --seed N` },
  'demo-interrupted': { status: 499, say: ({ by }: { by: string }) => `Interrupted (${by}) before the story was told.` },
})

/** Where `npm start` looks first; another one is taken when it is not free and nobody asked for it. */
const usualPort = 4747
/** So that the page is alive, and nobody hears the fan. */
const gentlePerSecond = 4
/** From "runs" to "answers": half a second on an idle machine. One that takes this long is broken. */
const listensWithinMs = 30_000
const stateFolder = join(import.meta.dirname, '../../.belay')

type Options = { once: boolean; json: boolean; fresh: boolean; port: number | undefined; home: string; seed: number }
/** What has been started and has to be ended, whatever happens. */
type Started = {
  server?: ServerProcess
  traffic?: Traffic
  /** What the server is just starting: it would go on starting it behind the back of who stops the rest. */
  comingUp?: Promise<unknown>
  /** What is being told and cannot be taken up again: a person who ends it wants it gone, and quickly. */
  telling?: boolean
}

process.exitCode = await main(process.argv.slice(2))
// Sockets of unused clients would keep the process for some seconds more.
process.exit()

async function main(args: readonly string[]): Promise<number> {
  let options: Options
  let folder: Folder
  try {
    options = optionsOf(args)
    folder = await openFolder(options.home)
  } catch (error) {
    process.stderr.write(`${sentenceOf(error)}\n`)
    if (args.includes('--json')) sendDocument(summaryOf(emptyTold(), { seed: 0, folder: '', setUpMs: null, error }))
    return error instanceof Problem && error.code === 'demo-bad-flag' ? 2 : 1
  }
  const tell = createTell(options.json ? process.stderr : process.stdout, Date.now)
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) return tell.lines('Still ending what was started; a moment.')
      stop.abort(problem('demo-interrupted', { by: signal }))
    })
  }
  // Whatever happens from here on, what was started is ended.
  process.on('uncaughtException', (error) => stop.abort(error))
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', () => stop.abort(problem('demo-interrupted', { by: 'nobody reads on' })))
  const started: Started = {}
  try {
    const again = folder.told !== undefined && !options.fresh && !options.once
    const ok = again
      ? await showAgain(options, folder, tell, started, stop.signal)
      : await tellStory(options, folder, tell, started, stop.signal)
    if (!options.once && started.server !== undefined) await stayUp(started.server, stop.signal)
    return ok ? 0 : 1
  } catch (error) {
    // Ended by a person who saw the story: that is how it ends.
    if (isInterruption(error) && !started.telling) return 0
    tell.lines(`\n${sentenceOf(error)}`)
    return isInterruption(error) ? 130 : 1
  } finally {
    await endAll(folder, tell, started, started.telling === true && isInterruption(stop.signal.reason))
  }
}

function isInterruption(thrown: unknown): boolean {
  return thrown instanceof Problem && thrown.code === 'demo-interrupted'
}

async function tellStory(options: Options, folder: Folder, tell: Tell, started: Started, signal: AbortSignal): Promise<boolean> {
  started.telling = true
  const told = emptyTold()
  const beganMs = Date.now()
  let setUpMs: number | null = null
  let error: unknown
  try {
    tell.chapter('Belay demo')
    await folder.clear()
    const repository = await openRepository(folder.repository)
    const commits = await repository.add('v1')
    const server = await start(options, folder, started)
    setUpMs = Date.now() - beganMs
    tell.say('server', `ready after ${sayDuration(setUpMs)}: ${server.url}`, 'good')
    tell.say('server', `sign in: ${await server.signInLink()}`)
    for (const line of commits) tell.say('git', line)
    const ground = { client: server.client, repository, seed: options.seed, tell, clock: systemClock, signal }
    started.traffic = await Promise.race([playStory(ground, told), server.ended])
    started.telling = false
  } catch (thrown) {
    error = signal.aborted ? signal.reason : thrown
  }
  const summary = summaryOf(told, { seed: options.seed, folder: folder.path, setUpMs, error })
  if (summary.checks.length > 0) tell.lines(`\n${sayTable(summary)}`)
  if (options.json) sendDocument(summary)
  if (error !== undefined) throw error
  await folder.keep(summary)
  started.traffic?.pace(gentlePerSecond)
  if (!options.once && started.server !== undefined) await sayWhere(started.server, told.cloudUrl, tell)
  return summary.ok
}

/** The page first: people wait for it. Then the cloud it shows. */
async function showAgain(options: Options, folder: Folder, tell: Tell, started: Started, signal: AbortSignal): Promise<boolean> {
  const beganMs = Date.now()
  const server = await start(options, folder, started)
  tell.chapter('Belay demo')
  tell.say('server', `ready after ${sayDuration(Date.now() - beganMs)}; the story was told before, --fresh tells it anew`, 'good')
  if (folder.told !== undefined) tell.lines(`\n${sayTable(folder.told)}`)
  await sayWhere(server, null, tell)
  for (const name of ['production', 'qa', 'private']) {
    signal.throwIfAborted()
    const up = server.client.call(routes.environments.up, { params: { name }, body: {} })
    started.comingUp = up
    const { environment } = await Promise.race([up, server.ended])
    tell.say(name, `up with ${environment.release}`, 'good')
    const url = name === 'production' ? urlOf(environment, 'edge') : undefined
    if (url !== undefined) {
      const people = (await peopleOnceThere(url, signal)).map(({ id }) => id)
      tell.say('users', `use it: ${url}`)
      started.traffic = startTraffic({ url, perSecond: gentlePerSecond, random: seededRandom(options.seed), people })
    }
  }
  if (options.json && folder.told !== undefined) sendDocument(folder.told)
  return true
}

/** Services that run again do not listen yet: they load their code first, on a busy machine for seconds. */
async function peopleOnceThere(url: string, signal: AbortSignal): Promise<Person[]> {
  const until = systemClock.now() + listensWithinMs
  for (;;) {
    try {
      return await peopleOf(url)
    } catch (error) {
      if (systemClock.now() > until) throw error
      await systemClock.sleep(100, signal)
    }
  }
}

async function start(options: Options, folder: Folder, started: Started): Promise<ServerProcess> {
  const port = await choosePort(options.port, options.once ? 0 : usualPort)
  started.server = await startServer({ repository: folder.repository, home: folder.home, port })
  return started.server
}

async function sayWhere(server: ServerProcess, cloudUrl: string | null, tell: Tell): Promise<void> {
  const cloud = cloudUrl === null ? '' : `\n  The cloud    ${cloudUrl}`
  tell.lines(
    `\n  Belay        ${server.url}\n  Sign in      ${await server.signInLink()}${cloud}\n  Ctrl-C ends it; the next start shows it again.\n`,
  )
}

function stayUp(server: ServerProcess, signal: AbortSignal): Promise<never> {
  const left = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason))
  })
  return Promise.race([left, server.ended])
}

/**
 * Services, server, agent, in this order; logs and state stay to be looked at. What cannot be stopped in order (or must
 * not take long) is erased with its host. What cannot be ended at all is said, and does not keep the rest from ending.
 */
async function endAll(folder: Folder, tell: Tell, { traffic, server, comingUp }: Started, atOnce: boolean): Promise<void> {
  let erase = atOnce
  const attempt = async (work: () => Promise<unknown>) => work().catch((error) => tell.lines(sentenceOf(error)))
  await comingUp?.catch(() => {})
  await attempt(async () => traffic?.stop())
  if (server !== undefined) {
    if (!erase)
      erase = await stopServices(server.client).then(
        (refusals) => refusals.length > 0,
        () => true,
      )
    await attempt(() => server.stop())
  }
  await attempt(() => endAgent(folder.home, { erase }))
  await attempt(() => folder.leave())
}

function sendDocument(summary: Summary): void {
  process.stdout.write(`${JSON.stringify(summary, null, 2)}\n`)
}

function optionsOf(args: readonly string[]): Options {
  const flags = {
    once: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    fresh: { type: 'boolean', default: false },
    port: { type: 'string' },
    home: { type: 'string' },
    seed: { type: 'string', default: '7' },
  } as const
  const { values } = (() => {
    try {
      return parseArgs({ args: [...args], options: flags })
    } catch (error) {
      throw problem('demo-bad-flag', { why: sentenceOf(error) })
    }
  })()
  const { once, json, fresh } = values
  // A run for its document alone does not take the place of the one that a person comes back to.
  const home = resolve(values.home ?? join(stateFolder, once ? 'demo-once' : 'demo'))
  return {
    once,
    json,
    fresh,
    home,
    port: wholeNumber('--port', values.port, 65_535),
    seed: wholeNumber('--seed', values.seed, 2 ** 32) ?? 0,
  }
}

function wholeNumber(flag: string, text: string | undefined, max: number): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (!/^\d+$/.test(text) || value > max)
    throw problem('demo-bad-flag', { why: `${flag} is a whole number from 0 to ${max}; got ${text}.` })
  return value
}
