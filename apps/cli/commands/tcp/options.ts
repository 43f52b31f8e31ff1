/** Options that several commands about TCP sessions share. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { availableParallelism } from 'node:os'
import { limits } from '@belay/tcp'
import { countOption } from '../../command.ts'
import { type Choice, hostOption, limitOption, portOption } from '../../tcp/choose.ts'
import { pastTime } from '../calls/filter.ts'

export type ChoiceOptions = {
  readonly host?: Choice['hosts']
  readonly port?: Choice['ports']
  readonly from?: number
  readonly to?: number
  readonly limit?: Choice['limits']
}

const timeOption = (text: string): number => pastTime(text, Date.now())

export const choosing = (command: Command): Command =>
  command
    .addOption(new Option('--host <addresses>', 'only sessions of an address or network: 10.0.0.7, 10.0.0.0/8').argParser(hostOption))
    .addOption(new Option('--port <ports>', 'only sessions of a port: 443, or 80,443').argParser(portOption))
    .addOption(
      new Option('--from <time>', 'only what was open since then: 2026-11-22T08:00, local time, or 2h (ago)').argParser(timeOption),
    )
    .addOption(new Option('--to <time>', 'only what began before').argParser(timeOption))
    .addOption(
      new Option('--limit <limits>', `only what this limits most: ${limits.join(', ').replace('slowStart', 'slow-start')}`).argParser(
        limitOption,
      ),
    )

export const choiceOf = ({ host, port, from, to, limit }: ChoiceOptions): Choice => ({
  ...(host === undefined ? {} : { hosts: host }),
  ...(port === undefined ? {} : { ports: port }),
  ...(from === undefined ? {} : { from }),
  ...(to === undefined ? {} : { to }),
  ...(limit === undefined ? {} : { limits: limit }),
})

/** More than cores never helps: the analysis computes. */
const workersMax = 64
export const workersOption = (): Option =>
  new Option('--workers <count>', 'threads that share the work (default: one a core)').argParser(countOption(1, workersMax))
// Not a default of the option: those of `belay tcp` would hold for the commands below it too, whatever was given there.
export const workersOf = ({ workers }: { readonly workers?: number }): number => workers ?? Math.min(workersMax, availableParallelism())

const units: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  m: 1e6,
  g: 1e9,
  t: 1e12,
  ki: 2 ** 10,
  mi: 2 ** 20,
  gi: 2 ** 30,
  ti: 2 ** 40,
}

/** `64MB`, `1.5GiB`, `800000`: bytes. */
export function sizeOption(text: string): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)\s*([kmgt]i?)?b?$/i.exec(text.trim()) ?? []
  const bytes = Math.round(Number(number) * (units[unit.toLowerCase()] ?? Number.NaN))
  if (!Number.isSafeInteger(bytes) || bytes <= 0) throw new InvalidArgumentError('Write for example 64MB, 1.5GiB or 800kB.')
  return bytes
}

/** What tcpdump's -i takes; a dash would be an option of its own. */
export function interfaceOption(text: string): string {
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.:@-]{0,63}$/.test(text)) throw new InvalidArgumentError('Write the name of an interface: eth0, lo, any.')
  return text
}

/** One address; it becomes part of tcpdump's filter, so nothing else may stand in it. */
export function captureHostOption(text: string): string {
  if (!/^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9._:-]*[A-Za-z0-9:])?$/.test(text) && text !== '::1')
    throw new InvalidArgumentError('Write one address or host name: 10.0.0.7, 2001:db8::1, db.example.test.')
  return text
}
