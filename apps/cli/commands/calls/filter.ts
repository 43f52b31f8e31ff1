/** Which calls: the options that every command about calls shares, and what they say to the server. */
import type { Command } from 'commander'
import { InvalidArgumentError, Option } from 'commander'
import { parseDurationMs } from '@belay/base'
import type { CallFilter } from '@belay/protocol'
import type { SheetOptions } from '../../calls/sheet.ts'
import { csvHelp } from '../../calls/sheet.ts'
import { collect } from '../../command.ts'
import type { GlobalOptions } from '../../context.ts'
import { fail } from '../../problems.ts'
import { parseTime } from '../../values.ts'

export type RangeOptions = {
  readonly day?: string
  readonly from?: number
  readonly to?: number
  /** ms. */
  readonly last?: number
}
export type WhereOptions = GlobalOptions & SheetOptions & RangeOptions & { readonly environment?: string }
type Names = 'service' | 'audience' | 'account' | 'release' | 'lane' | 'host' | 'variant'
export type FilterOptions = WhereOptions & Partial<Readonly<Record<Names, readonly string[]>>> & { readonly withoutExternal?: true }

export const environmentOption = (what = 'whose calls; by default those of production'): Option =>
  new Option('--env, --environment <name>', what)
export const csvOption = (): Option => new Option('--csv', csvHelp)

/** Adds environment and range. */
export const ranging = (command: Command): Command =>
  command
    .addOption(environmentOption())
    .addOption(new Option('--last <duration>', 'until now: 2h, 7d').argParser(lastOption))
    .addOption(new Option('--day <day>', 'one day, UTC: 2026-11-22, today or yesterday').argParser(dayOption))
    .addOption(new Option('--from <time>', 'since then: 2h (ago), 2026-11-22 or 2026-11-22T08:00, local time').argParser(pastOption))
    .addOption(new Option('--to <time>', 'until then').argParser(pastOption))

const namesOption = (name: string, value: string, what: string): Option => new Option(`--${name} <${value}>`, what).argParser(collect)

/** Adds everything by which calls are chosen. */
export const filtering = (command: Command): Command =>
  ranging(command)
    .addOption(namesOption('audience', 'names', 'only calls for these: customer, or !robot,!staff (in all lists ! leaves a name out)'))
    .addOption(namesOption('release', 'names', 'only of these releases'))
    .addOption(namesOption('lane', 'names', 'only of these lanes'))
    .addOption(namesOption('account', 'names', 'only of these accounts'))
    .addOption(namesOption('host', 'names', 'only of these hosts'))
    .addOption(namesOption('variant', 'flag=variant', 'only calls that met this variant'))
    .addOption(namesOption('service', 'names', 'only of these services'))
    .option('--without-external', 'real time less the time of calls to other services')

const lastOption = (text: string): number => {
  const ms = parseDurationMs(text)
  if (ms === undefined || ms < 60_000) throw new InvalidArgumentError('Write for example 30m, 2h or 7d; at least a minute.')
  return Math.round(ms)
}

const dayMs = 86_400_000
function dayOption(text: string): string {
  const ago = { today: 0, yesterday: dayMs }[text]
  if (ago !== undefined) return new Date(Date.now() - ago).toISOString().slice(0, 10)
  const at = Date.parse(`${text}T00:00Z`)
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text) || Number.isNaN(at) || !new Date(at).toISOString().startsWith(text))
    throw new InvalidArgumentError('Write for example 2026-11-22, today or yesterday.')
  return text
}

/** A time that has been: a duration means so long ago. */
export function pastTime(text: string, nowMs: number): number {
  const ago = parseDurationMs(text)
  return ago === undefined ? parseTime(text, nowMs) : Math.round(nowMs - ago)
}
const pastOption = (text: string): number => pastTime(text, Date.now())

/** @throws Problem `usage` when two ways to say when are mixed, or the end comes first. */
export function rangeQuery({ day, from, to, last }: RangeOptions, nowMs: number): Pick<CallFilter, 'day' | 'from' | 'to'> {
  const ways = [day !== undefined, last !== undefined, from !== undefined || to !== undefined].filter(Boolean)
  if (ways.length > 1) throw fail('usage', { sentence: 'Say when in one way: --day, --last, or --from and --to.' })
  if (last !== undefined) return { from: nowMs - last, to: nowMs }
  if (from !== undefined && from >= (to ?? nowMs))
    throw fail('usage', { sentence: 'The range ends before it begins; look at --from and --to.' })
  return { day, from, to }
}

type FilterQuery = Pick<CallFilter, 'day' | 'from' | 'to'> & { readonly [Name in Names]: string | undefined } & {
  readonly external: 'with' | 'without'
}

/** The query, but for the environment. */
export function filterQuery(options: FilterOptions, nowMs: number): FilterQuery {
  const listed = (name: Names): string | undefined => options[name]?.join(',')
  return {
    ...rangeQuery(options, nowMs),
    service: listed('service'),
    audience: listed('audience'),
    account: listed('account'),
    release: listed('release'),
    lane: listed('lane'),
    host: listed('host'),
    variant: listed('variant'),
    external: options.withoutExternal ? 'without' : 'with',
  }
}

export type Side =
  | { readonly kind: 'release' | 'lane'; readonly name: string }
  | { readonly kind: 'range'; readonly from: number; readonly to: number }

/** `v3` and `release:v3`, `lane:stable`, `2026-11-01..2026-11-08`. */
export function side(text: string): Side {
  const [, kind, named] = /^(release|lane):(.+)$/.exec(text) ?? []
  if (named !== undefined) return { kind: kind as 'release' | 'lane', name: named }
  const [, first, second] = /^(.+)\.\.(.+)$/.exec(text) ?? []
  if (first === undefined || second === undefined) return { kind: 'release', name: text }
  const [from, to] = [pastOption(first), pastOption(second)]
  if (from >= to) throw new InvalidArgumentError('The range ends before it begins.')
  return { kind: 'range', from, to }
}

export const comparison = (it: Side): string => (it.kind === 'range' ? `range:${it.from}-${it.to}` : `${it.kind}:${it.name}`)
/** For --compare: a side, or the range before this one. */
export const compareOption = (text: string): string => (text === 'previous' ? text : comparison(side(text)))
