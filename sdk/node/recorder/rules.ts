/** How calls are named and sorted: as the server says, asked at the start and every half minute; without it, by route and path alone. */
import { type CallRules, checkCallRules, createDescriber, type Describer } from '@belay/call-record'
import type { Clock } from '../clock.ts'
import { because } from '../files.ts'
import type { Log } from '../log.ts'
import { asFailure, parseAnswer, type Server } from '../server.ts'

export type RulesHolder = {
  readonly describer: Describer
}

const everyMs = 30_000
const path = '/api/sdk/calls/rules'
const none: CallRules = { version: '', methods: [], account: [], audiences: [] }

export function holdRules(options: {
  readonly server: Server
  readonly clock: Clock
  readonly log: Log
  readonly isRobot: (userAgent: string) => boolean
  readonly signal: AbortSignal
}): RulesHolder {
  const { server, clock, log, isRobot, signal } = options
  let describer = createDescriber(none, isRobot)
  let etag = ''
  let told = ''

  async function ask(): Promise<void> {
    const answer = await server.read(path, etag === '' ? {} : { 'if-none-match': etag }, signal)
    if (answer.status === 304) return
    describer = createDescriber(readRules(parseAnswer(answer.text, path)), isRobot)
    etag = answer.headers.get('etag') ?? ''
    told = ''
  }

  function complain(sentence: string): void {
    if (sentence !== told) log.warn(`Belay: calls are named by the last rules that are known: ${sentence}`)
    told = sentence
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      await ask().catch((thrown: unknown) => {
        const failure = asFailure(thrown)
        // That the server is away is told by who sends the calls.
        if (!signal.aborted && failure.kind !== 'away' && failure.kind !== 'later') complain(failure.message)
        else if (thrown instanceof UnsoundRules) complain(because(thrown))
      })
      await clock.sleep(everyMs, signal, true).catch(() => {})
    }
  }
  void run()

  return {
    get describer() {
      return describer
    },
  }
}

class UnsoundRules extends Error {}

/** @throws UnsoundRules for what is none. Rules that this version does not understand name nothing. */
function readRules(value: unknown): CallRules {
  const it = value as Partial<CallRules> | null
  if (typeof it !== 'object' || it === null || ![it.methods, it.account, it.audiences].every(Array.isArray)) {
    throw new UnsoundRules('the answer has no methods, account and audiences')
  }
  const rules = { ...none, ...it }
  const [problem] = checkCallRules(rules)
  if (problem !== undefined) throw new UnsoundRules(`${problem.path.join('.')}: ${problem.message}`)
  return rules
}
