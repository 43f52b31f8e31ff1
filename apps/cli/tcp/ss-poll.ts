/** Asks the kernel about its sockets, by way of ss: what is left where packets may not be captured. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { sentenceOf } from '@belay/base'
import { fail } from '../problems.ts'
import { findProgram } from './tcpdump.ts'

/** A line has about 700 characters: 90,000 sockets. */
const outputMax = 64 * 1_024 * 1_024
/** It takes about 10 ms; one that hangs must not hold the table. */
const answerMs = 10_000

/** `-e` gives each socket's cookie, by which a port that is used again is told from what had it before. */
export const socketArguments = (host: string | undefined, port: number | undefined): readonly string[] => {
  const parts = [
    host !== undefined && `( src ${host} or dst ${host} )`,
    port !== undefined && `( sport = :${port} or dport = :${port} )`,
  ].filter((part) => part !== false)
  return ['-tiOHne', ...(parts.length === 0 ? [] : [parts.join(' and ')])]
}

/** @throws Problem `no-sockets` */
export async function askSockets(host: string | undefined, port: number | undefined, signal: AbortSignal): Promise<string> {
  const program = findProgram('ss')
  if (program === undefined) throw fail('no-sockets', { because: 'ss is not installed' })
  try {
    const { stdout } = await promisify(execFile)(program, socketArguments(host, port), {
      maxBuffer: outputMax,
      timeout: answerMs,
      signal,
      encoding: 'utf8',
    })
    return stdout
  } catch (error) {
    signal.throwIfAborted()
    const said = (error as { stderr?: string }).stderr?.trim().split('\n')[0]
    throw fail('no-sockets', { because: said === undefined || said === '' ? sentenceOf(error) : said }, error)
  }
}
