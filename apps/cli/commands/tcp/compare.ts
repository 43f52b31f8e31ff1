import type { Command } from 'commander'
import { Option } from 'commander'
import { basename } from 'node:path'
import { compareSessions, type Resources, type SessionRecord } from '@belay/tcp'
import { seededRandom, sayCount } from '@belay/base'
import { countOption, durationOption, leaf } from '../../command.ts'
import { type Context, type GlobalOptions, runs } from '../../context.ts'
import { fail } from '../../problems.ts'
import { analyse } from '../../tcp/analysing.ts'
import { isWanted } from '../../tcp/choose.ts'
import { compareView } from '../../tcp/compare-view.ts'
import { choiceOf, type ChoiceOptions, choosing, sizeOption, workersOf, workersOption } from './options.ts'

type Options = GlobalOptions &
  ChoiceOptions & {
    readonly a?: readonly string[]
    readonly b?: readonly string[]
    readonly cpuA?: number
    readonly cpuB?: number
    readonly memoryA?: number
    readonly memoryB?: number
    readonly workers?: number
    readonly seed: number
  }

/** A record has about 5 kB: 100 MB a side. More sessions make intervals no narrower than matters. */
const sessionsMax = 20_000

export const compareCommand = (): Command =>
  choosing(
    leaf('compare', 'two network solutions, by what their captures hold: which serves better, at what cost', [
      ['belay tcp compare openvpn.pcap wireguard.pcap', 'the same work done over each'],
      ['belay tcp compare old.pcap new.pcap --port 443 --cpu-a 41s --cpu-b 12s', 'with what each used meanwhile'],
      ['belay tcp compare --a mon.pcap tue.pcap --b wed.pcap thu.pcap --json', 'several captures a side'],
    ]),
  )
    .argument('[a]', 'the capture of A, such as what is in use')
    .argument('[b]', 'the capture of B, such as what might replace it')
    .addOption(new Option('--a <files...>', 'captures of A, instead of the two words'))
    .addOption(new Option('--b <files...>', 'captures of B'))
    .addOption(new Option('--cpu-a <duration>', 'CPU time that A used while its capture was taken: 41s').argParser(durationOption))
    .addOption(new Option('--cpu-b <duration>', 'the same of B').argParser(durationOption))
    .addOption(new Option('--memory-a <bytes>', 'memory that A took: 120MB').argParser(sizeOption))
    .addOption(new Option('--memory-b <bytes>', 'the same of B').argParser(sizeOption))
    .addOption(workersOption())
    .addOption(
      new Option('--seed <number>', 'for permutations and samples: the same gives the same figures')
        .argParser(countOption(0, 2 ** 31 - 1))
        .default(1),
    )
    .action(runs(compare))

async function compare(context: Context, options: Options, first?: string, second?: string): Promise<void> {
  const words = [first, second].filter((word) => word !== undefined)
  const named = options.a !== undefined || options.b !== undefined
  const a = options.a ?? (named ? [] : words.slice(0, 1))
  const b = options.b ?? (named ? [] : words.slice(1))
  if (a.length === 0 || b.length === 0 || (named && words.length > 0))
    throw fail('usage', { sentence: 'Name two captures, A and B; or several of each: --a FILE... --b FILE...' })
  const sideA = await sideOf(context, 'A', a, options)
  const sideB = await sideOf(context, 'B', b, options)
  const resources: { a: Resources; b: Resources } = {
    a: resourcesOf(options.cpuA, options.memoryA),
    b: resourcesOf(options.cpuB, options.memoryB),
  }
  const isMeasured = [options.cpuA, options.cpuB, options.memoryA, options.memoryB].some((it) => it !== undefined)
  const comparison = compareSessions(sideA.sessions, sideB.sessions, { seed: options.seed, ...(isMeasured ? { resources } : {}) })
  const notes = [...sideA.notes, ...sideB.notes]
  context.answer({ a: { files: a, captures: sideA.captures }, b: { files: b, captures: sideB.captures }, comparison, notes }, () =>
    compareView(comparison, { a: nameOf(a), b: nameOf(b) }, notes, context),
  )
}

const nameOf = (files: readonly string[]): string =>
  files.length === 1 ? basename(files[0] ?? '') : `${basename(files[0] ?? '')} and ${files.length - 1} more`

const resourcesOf = (cpuMs: number | undefined, memoryBytes: number | undefined): Resources => ({
  ...(cpuMs === undefined ? {} : { cpuMs }),
  ...(memoryBytes === undefined ? {} : { memoryBytes }),
})

/** Its sessions; of very many as many as are held, each with the same chance (Vitter's algorithm R). */
async function sideOf(context: Context, side: string, files: readonly string[], options: Options) {
  const choice = choiceOf(options)
  const random = seededRandom(options.seed)
  const sessions: SessionRecord[] = []
  let count = 0
  const { captures, failures } = await analyse(context, files, {
    workers: workersOf(options),
    onSession: (record) => {
      if (!isWanted(record, choice)) return
      count++
      if (sessions.length < sessionsMax) sessions.push(record)
      else {
        const at = Math.floor(random() * count)
        if (at < sessionsMax) sessions[at] = record
      }
    },
  })
  // With a part of a side missing the comparison would be of something else.
  if (failures[0] !== undefined) throw failures[0]
  if (count === 0) throw fail('nothing-to-compare', { side, files })
  const notes =
    count > sessionsMax
      ? [`Of ${side} ${sessionsMax.toLocaleString('en')} of ${sayCount(count, 'session')} were compared, drawn evenly.`]
      : []
  return { sessions, captures, notes }
}
