/** A line of an access log as a stored call: named and sorted by the rules of the cloud, with real time alone. */
import { type CallRules, createDescriber, createMethodBook, overflowMethod } from '@belay/call-record'
import { isbot } from 'isbot'
import { blankCall, type CallRow, marks } from '../row.ts'
import { ageMaxMs, aheadMaxMs, uint32Max } from './limits.ts'
import type { LogLine } from './types.ts'

export type LogPlace = { readonly environment: string; readonly service: string; readonly release: string }

/** What stands for requests to nothing: who scans for holes must not fill the list of methods. */
const nowhere = '(not found)'
/** Programs and browsers of a day. */
const agentsMax = 5_000
/** What a log does not know of the lane that served; the same as recorders say by default. */
const lane = 'stable'
const textMax = 200

/** @returns for each line its row, or why it is no call. */
export function rowsOf(rules: CallRules, { environment, service, release }: LogPlace): (line: LogLine, now: number) => CallRow | string {
  const describer = createDescriber(rules, remembering(isbot))
  const book = createMethodBook()
  return (line, now) => {
    const { at, verb, path, status, headers } = line
    if (at < now - ageMaxMs) return 'is older than 400 days, which is longer than calls are kept'
    if (at > now + aheadMaxMs) return 'lies in the future'
    let query: URLSearchParams | undefined
    const said = describer.describe(
      {
        verb,
        path,
        header: (name) => (Object.hasOwn(headers, name) ? headers[name] : undefined),
        query(name) {
          query ??= new URLSearchParams(path.split('#', 1)[0]?.split('?').slice(1).join('?') ?? '')
          return query.get(name) ?? undefined
        },
      },
      {},
      at,
    )
    const method = book.take(said.method, said.sure || status !== 404 ? undefined : `${verb} ${nowhere}`)
    return {
      ...blankCall,
      at,
      service,
      environment,
      release,
      lane,
      host: line.host.slice(0, textMax),
      method,
      audience: said.audience,
      account: said.account,
      status,
      failed: line.cutOff || status >= 500,
      realUs: Math.min(uint32Max, line.realUs),
      requestBytes: Math.min(uint32Max, line.requestBytes),
      responseBytes: Math.min(uint32Max, line.responseBytes),
      trace: line.trace,
      peer: line.peer.slice(0, textMax),
      local: line.local.slice(0, textMax),
      origin: 'log',
      marks: method === overflowMethod ? marks.overflow : 0,
    }
  }
}

/** The list of robots is a pattern of some thousand words; the same agents come again and again. */
function remembering(ask: (agent: string) => boolean): (agent: string) => boolean {
  const known = new Map<string, boolean>()
  return (agent) => {
    let answer = known.get(agent)
    if (answer === undefined) {
      if (known.size >= agentsMax) known.clear()
      answer = ask(agent)
      known.set(agent, answer)
    }
    return answer
  }
}
