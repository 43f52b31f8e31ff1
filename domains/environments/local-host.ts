/**
 * The driver `local`: a host is a folder with processes of its own on the machine of the server. The agent does the
 * work; this is the host's view of it.
 */
import { join } from 'node:path'
import { Problem, sayDuration } from '@belay/base'
import type { Agent, EventOf, Order, OrderName, Results } from '@belay/exec'
import type { Host } from './host.ts'
import { environmentProblem } from './problems.ts'

/** All local hosts share the machine and keep apart by their ports. */
const address = '127.0.0.1'

/**
 * How long an answer may take before the host counts as not there. Looking is quick; copying is bounded by the disk;
 * whatever has a time limit of its own is given a minute more, in which the agent ends it.
 */
function patienceMs(order: OrderName, what: object): number {
  if (order === 'logs' && 'follow' in what && what.follow === true) return followMsMax
  if (['facts', 'journal', 'services', 'probe', 'logs', 'hello'].includes(order)) return 10_000
  if (order === 'job' && 'timeLimitMs' in what) return Number(what.timeLimitMs) + 60_000
  return 300_000
}
/** A log is followed for a day; whoever still reads asks again. */
const followMsMax = 86_400_000

export function openLocalHost(it: { name: string; environment: string; folder: string; agent: Agent }): Host {
  const { name, environment, folder: root, agent } = it

  async function ask<N extends OrderName>(
    order: N,
    what: Order<N>,
    how?: { onEvent?: (event: EventOf<N>) => void; signal?: AbortSignal },
  ): Promise<Results[N]> {
    const waitMs = patienceMs(order, what)
    const late = AbortSignal.timeout(waitMs)
    try {
      return await agent.ask(order, what, { ...how, signal: how?.signal === undefined ? late : AbortSignal.any([how.signal, late]) })
    } catch (error) {
      if (late.aborted && how?.signal?.aborted !== true) {
        const why = `its agent took the order ${order} and gave no answer within ${sayDuration(waitMs)}`
        throw environmentProblem('host-unreachable', { environment, host: name, why }, error)
      }
      if (!(error instanceof Problem) || error.code !== 'agent-unreachable') throw error
      throw environmentProblem('host-unreachable', { environment, host: name, why: error.message }, error)
    }
  }

  return {
    name,
    environment,
    driver: 'local',
    address,
    facts: () => ask('facts', { root }),
    path: (relative) => join(root, relative),
    put: async (under, file) => void (await ask('put', { ...under, ...file, root })),
    unpack: async (under, archive) => void (await ask('unpack', { ...under, ...archive, root })),
    write: async (under, file) => void (await ask('write', { ...under, ...file, root })),
    link: (under, link) => ask('link', { ...under, ...link, root }),
    remove: async (under, path) => void (await ask('remove', { ...under, path, root })),
    run: (under, job, onOutput, { fromOffset = 0, signal } = {}) =>
      ask('job', { ...under, ...job, env: { ...job.env }, fromOffset, root }, { onEvent: onOutput, signal }),
    cancel: async (under, job) => void (await ask('cancel', { ...under, job, root })),
    ensure: (under, service, spec, { anew = false } = {}) => ask('ensure', { ...under, service, spec, anew, root }),
    halt: async (under, service) => void (await ask('halt', { ...under, service, root })),
    services: async () => (await ask('services', { root })).services,
    logs: (service, { signal, ...asked }) =>
      linesOf(signal, (onText, until) =>
        ask('logs', { ...asked, service, root }, { onEvent: (event) => onText(event.text), signal: until }),
      ),
    probe: (probe) => ask('probe', { probe }),
    journal: async (prefix) => (await ask('journal', { root, prefix })).entries,
    erase: async (under) => void (await ask('erase', { ...under, root })),
  }
}

/** What is told in pieces of whole lines, as one line after the other; ends quietly when aborted or no longer read. */
async function* linesOf(signal: AbortSignal, tell: (onText: (text: string) => void, until: AbortSignal) => Promise<unknown>) {
  const left = new AbortController()
  const ready: string[] = []
  let over = false
  let wake = () => {}
  const told = tell(
    (text) => {
      ready.push(...text.replace(/\n$/, '').split('\n'))
      wake()
    },
    AbortSignal.any([signal, left.signal]),
  )
  const end = () => {
    over = true
    wake()
  }
  told.then(end, end)
  try {
    while (!signal.aborted) {
      yield* ready.splice(0)
      if (over) break
      await new Promise<void>((resolve) => {
        wake = resolve
        if (ready.length > 0 || over) resolve()
      })
    }
    if (!signal.aborted) await told
  } finally {
    left.abort()
  }
}
