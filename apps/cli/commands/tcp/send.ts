import type { Command } from 'commander'
import { Option } from 'commander'
import { createHash, randomBytes } from 'node:crypto'
import { open, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename } from 'node:path'
import { type CapturePartInput, routes } from '@belay/protocol'
import { type CaptureSummary, pack, type SessionRecord, type Turn } from '@belay/tcp'
import { Problem, sayCount } from '@belay/base'
import { countOption, leaf } from '../../command.ts'
import { type Context, type GlobalOptions, runs } from '../../context.ts'
import { nameOrProduction } from '../../environments.ts'
import { patiently } from '../../follow.ts'
import { fail } from '../../problems.ts'
import { analyse, analyseOne } from '../../tcp/analysing.ts'
import { Foremost, isWanted } from '../../tcp/choose.ts'
import { CaptureSender } from '../../tcp/sending.ts'
import { environmentOption } from '../calls/filter.ts'
import { choiceOf, type ChoiceOptions, choosing } from './options.ts'

type Options = GlobalOptions &
  ChoiceOptions & { readonly environment?: string; readonly label?: string; readonly takenOn?: string; readonly traces: number }

/** Each is one more thing to look at; the first few are what one looks at. */
const tracesMax = 16
/** A trace takes 45 bytes a segment while it is made: 16 of these are 720 MB at most, three 135 MB. */
const tracedSegmentsMax = 1_000_000
/** While the server is away, so many closed sessions wait; about 50 MB. */
const waitingMax = 5_000

export const sendCommand = (): Command =>
  choosing(
    leaf('send', 'send what captures hold to the server: sessions, turns, segments of the worst', [
      ['belay tcp send office.pcap --environment production', 'no packet leaves this machine, only what was made of them'],
      ['belay tcp send new/*.pcap --environment qa --label wireguard', 'a name to compare by: belay network compare'],
      ['belay tcp send trace.pcapng.gz --port 5432 --traces 5', 'of the database; every segment of the 5 worst'],
    ]),
  )
    .argument('<files...>', 'captures: pcap or pcapng, packed or not; - reads stdin')
    .addOption(environmentOption('whose sessions they are; by default those of production'))
    .option('--label <text>', 'what they are compared by: wireguard, before the new router')
    .option('--taken-on <host>', 'the host where they were captured; by default this one')
    .addOption(
      new Option('--traces <count>', 'of so many of the worst sessions every segment').argParser(countOption(0, tracesMax)).default(3),
    )
    .action(runs(send))

async function send(context: Context, options: Options, files: readonly string[]): Promise<void> {
  const client = await context.connect()
  const environment = await nameOrProduction(client, options.environment, context.signal)
  const choice = choiceOf(options)
  const captures: { id: string; name: string; sessions: number; turns: number; traces: number; again: boolean }[] = []
  for (const file of files) {
    const name = file === '-' ? 'stdin' : basename(file)
    const head = { environment, host: options.takenOn ?? hostname(), label: options.label ?? '', resources: null }
    const id = await idOf(file, [head, options.host?.rules, options.port, options.from, options.to, options.limit])
    const sender = new CaptureSender({ ...head, id }, poster(context))
    const worst = new Foremost('score', Math.max(1, options.traces))
    let sessions = 0
    const sofar = (): CaptureSummary => ({ ...unknown, name, sessions })
    const { captures: read, failures } = await analyse(context, [file], {
      workers: 1,
      onSession: async (record) => {
        sessions++
        if (!isWanted(record, choice)) return sender.forget(record.number)
        if (record.lastFrame - record.firstFrame < tracedSegmentsMax) worst.add(record)
        sender.session(record)
        await sender.flushFull(sofar())
      },
      onTurn: (turn, session) => sender.turn(turn, session),
    })
    const [summary] = read
    if (summary === undefined) throw failures[0] ?? fail('no-capture', { file, because: 'it holds nothing' })
    await sender.flush(summary)
    // A pipe cannot be read again.
    if (options.traces > 0 && file !== '-') await sendTraces(file, worst.sorted(), sender, summary, context)
    await sender.end(summary)
    captures.push({ id, name, ...counts(sender), again: sender.sent.again === sender.sent.parts })
  }
  context.answer({ environment, captures }, () =>
    captures
      .map(
        (it) =>
          `${context.paint('green', '●')} ${it.name}: ${it.again ? 'the server has it already' : `${sayCount(it.sessions, 'session')}, ${sayCount(it.turns, 'turn')} and every segment of ${it.traces} are with ${environment}`}. ${context.paint('dim', `belay network sessions --capture ${it.id}`)}`,
      )
      .join('\n'),
  )
}

/** What is known of a capture while it is read. */
const unknown = {
  ...{ format: '', bytes: 0, packets: 0, tcpPackets: 0 },
  ...{ firstMs: null, lastMs: null, notUnderstood: {}, warnings: [] },
}

const counts = ({ sent: { sessions, turns, traces } }: CaptureSender) => ({ sessions, turns, traces })

/** A second pass over the file, in which only these sessions are kept whole. */
async function sendTraces(
  file: string,
  records: readonly SessionRecord[],
  sender: CaptureSender,
  summary: CaptureSummary,
  context: Context,
): Promise<void> {
  if (records.length === 0) return
  const found: { session: number; packed: Uint8Array }[] = []
  await analyseOne(
    file,
    {
      onSession: () => {},
      trace: {
        sessions: records.map(({ number }) => number),
        onTrace: (trace, session) => void found.push({ session, packed: pack(trace.columns()) }),
      },
    },
    context.signal,
  )
  for (const { session, packed } of found) await sender.trace(session, packed, summary)
}

/** The same file sent again in the same way has the same parts, which count once. What came by a pipe is always new. */
async function idOf(file: string, how: readonly unknown[]): Promise<string> {
  if (file === '-') return newId()
  const handle = await open(file).catch(() => undefined)
  // What cannot be opened is said by whoever reads it.
  if (handle === undefined) return newId()
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(65_536), 0, 65_536, 0)
    const { size, mtimeMs } = await stat(file)
    const hash = createHash('sha256').update(JSON.stringify([how, size, mtimeMs, basename(file)]))
    return hash.update(buffer.subarray(0, bytesRead)).digest('base64url').slice(0, 22)
  } finally {
    await handle.close()
  }
}
const newId = (): string => randomBytes(16).toString('base64url')

const poster = (context: Context) => (body: CapturePartInput) =>
  patiently(async () => (await context.connect()).call(routes.network.send, { body }, context.signal), 'the capture', context.signal)

/** For a live capture: sends now and then, and never holds the table up for long. */
export type Sending = {
  session(record: SessionRecord): void
  turn(turn: Turn, session: number): void
  know(record: SessionRecord): void
  forget(session: number): void
  meanwhile(summary: CaptureSummary): Promise<void>
  end(summary: CaptureSummary): Promise<void>
}

/** Between two tries; a part is some hundred kB. */
const everyMs = 5_000

export async function openSender(
  context: Context,
  { environment: named, label, name }: { readonly environment?: string; readonly label?: string; readonly name: string },
): Promise<Sending> {
  const client = await context.connect()
  const environment = await nameOrProduction(client, named, context.signal)
  const id = newId()
  // Ctrl-C ends the capture, and what it found is still to be sent.
  const sender = new CaptureSender({ id, environment, host: hostname(), label: label ?? '', resources: null }, async (body) =>
    (await context.connect()).call(routes.network.send, { body }),
  )
  let lastMs = Date.now()
  return {
    session: (record) => {
      sender.session(record)
      sender.dropBeyond(waitingMax)
    },
    turn: (turn, session) => sender.turn(turn, session),
    know: (record) => sender.know(record),
    forget: (session) => sender.forget(session),
    meanwhile: async (summary) => {
      if (Date.now() - lastMs < everyMs) return
      lastMs = Date.now()
      await sender.flush(summary)
    },
    end: async (summary) => {
      try {
        await sender.end(summary)
      } catch (error) {
        const { waiting } = sender
        if (!(error instanceof Problem)) throw error
        context.note(`${error.message} ${sayCount(waiting, 'session')} of ${name} were not sent.`)
        return
      }
      const { sessions, turns } = sender.sent
      const lost =
        sender.dropped.sessions === 0 ? '' : ` ${sayCount(sender.dropped.sessions, 'session')} found no room while the server was away.`
      context.note(`${sayCount(sessions, 'session')} and ${sayCount(turns, 'turn')} were sent as capture ${id}.${lost}`)
    },
  }
}
