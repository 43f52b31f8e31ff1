import type { Command } from 'commander'
import { Option } from 'commander'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CaptureSummary } from '@belay/tcp'
import { Problem, sayCount, sentenceOf } from '@belay/base'
import { countOption, durationOption, leaf } from '../../command.ts'
import { type Context, type GlobalOptions, runs } from '../../context.ts'
import { type ExitCode, exitCodes } from '../../exit-codes.ts'
import { fail } from '../../problems.ts'
import { Foremost, Totals } from '../../tcp/choose.ts'
import { openEnding } from '../../tcp/ending.ts'
import { type LiveFrame, LivePackets, LiveSockets, type LiveSort, liveSorts, sortRows } from '../../tcp/live.ts'
import { liveLine, type LiveLook, liveView, rowsShown } from '../../tcp/live-view.ts'
import { type Key, openScreen } from '../../tcp/screen.ts'
import { sessionsView } from '../../tcp/sessions-view.ts'
import { askSockets } from '../../tcp/ss-poll.ts'
import { type Capture, captureFilter, type Drops, sayDrops, startCapture } from '../../tcp/tcpdump.ts'
import { environmentOption } from '../calls/filter.ts'
import { captureHostOption, interfaceOption } from './options.ts'
import { openSender, type Sending } from './send.ts'

type Options = GlobalOptions & {
  readonly interface: string
  readonly host?: string
  readonly port?: number
  readonly every: number
  readonly for?: number
  readonly sort: LiveSort
  readonly top: number
  readonly sockets?: true
  readonly send?: true
  readonly environment?: string
  readonly label?: string
}

const everyLeastMs = 200
const topMax = 10_000
/** For the summary at the end. */
const worstShown = 10

export const liveCommand = (): Command =>
  leaf('live', 'sessions of this machine as they are now, in a table that is drawn again each second', [
    ['belay tcp live', 'all interfaces; q or Ctrl-C ends it with a summary'],
    ['belay tcp live --interface eth0 --host 10.0.0.7', 'of one host'],
    ['belay tcp live --sockets', 'by the kernel’s own counters, which anybody may read'],
    ['belay tcp live --for 30s --json', 'one JSON object a line: intervals, sessions that closed, the end'],
    ['belay tcp live --send --environment production', 'sessions go to the server as they close'],
  ])
    .addOption(new Option('-i, --interface <name>', 'where to listen').argParser(interfaceOption).default('any'))
    .addOption(new Option('--host <address>', 'only of this host').argParser(captureHostOption))
    .addOption(new Option('--port <port>', 'only of this port').argParser(countOption(1, 65_535)))
    .addOption(new Option('--every <duration>', 'how often it is drawn').argParser(everyOption).default(1_000, '1s'))
    .addOption(new Option('--for <duration>', 'end after so long').argParser(durationOption))
    .addOption(new Option('--sort <by>', 'what stands first').choices(liveSorts).default('speed'))
    .addOption(new Option('--top <count>', 'rows of each interval with --json').argParser(countOption(1, topMax)).default(100))
    .option('--sockets', 'ask the kernel (ss) instead of capturing packets')
    .option('--send', 'send sessions to the server as they close')
    .addOption(environmentOption('with --send: whose sessions they are; by default those of production'))
    .option('--label <text>', 'with --send: what they are compared by')
    .action(runs(live))

const everyOption = (text: string): number => Math.max(everyLeastMs, durationOption(text))

async function live(context: Context, options: Options): Promise<ExitCode> {
  if (options.send && options.sockets)
    throw fail('usage', { sentence: 'Sockets have no sessions that could be sent; choose one of --send and --sockets.' })
  if (options.sockets) return watchSockets(context, options, 'The kernel’s own counters (ss -ti), each second: no packets are captured.')
  const { host, port } = options
  let capture: Capture
  try {
    capture = await startCapture({ interface: options.interface, filter: captureFilter(host, port), snaplen: 128 })
  } catch (error) {
    const isRefused = error instanceof Problem && (error.code === 'no-capture-right' || error.code === 'no-tcpdump')
    if (!isRefused || options.send) throw error
    const says = `${error.message} Instead the kernel is asked about its own sockets (ss -ti): its verdicts are of what this machine sends, without scores.`
    context.note(says)
    return watchSockets(context, options, 'The kernel’s own counters (ss -ti), for packets may not be captured here.')
  }
  try {
    return await watchPackets(context, options, capture)
  } finally {
    await capture.stop()
  }
}

/** Draws frames until it is told to end; what it draws on, and when, is the same for both sources. */
async function watch(
  context: Context,
  options: Options,
  says: string,
  ending: AbortSignal,
  end: () => void,
  next: () => Promise<LiveFrame>,
): Promise<LiveFrame | undefined> {
  let frame: LiveFrame | undefined
  let look: LiveLook = { sort: options.sort, offset: 0, height: 0, isPaused: false, says }
  const isDrawn = context.look.terminal
  const draw = (): void => {
    if (frame === undefined || screen === undefined) return
    look = { ...look, height: screen.height }
    screen.draw(liveView(frame, look, { ...context, look: { ...context.look, width: screen.width } }))
  }
  const hear = (key: Key): void => {
    const page = rowsShown(look, context.look.width)
    const most = Math.max(0, (frame?.rows.length ?? 0) - page)
    const turnSort = (step: number): LiveSort =>
      liveSorts[(liveSorts.indexOf(look.sort) + step + liveSorts.length) % liveSorts.length] ?? 'speed'
    if (key === 'q' || key === 'interrupt') end()
    else if (key === 's' || key === 'right') look = { ...look, sort: turnSort(1), offset: 0 }
    else if (key === 'left') look = { ...look, sort: turnSort(-1), offset: 0 }
    else if (key === ' ') look = { ...look, isPaused: !look.isPaused }
    else {
      const step = { up: -1, down: 1, pageUp: -page, pageDown: page }[key as string] ?? 0
      look = { ...look, offset: Math.max(0, Math.min(most, look.offset + step)) }
    }
    draw()
  }
  using screen = isDrawn ? openScreen(hear) : undefined
  if (!context.json && !isDrawn) context.note(says)
  try {
    while (!ending.aborted) {
      const now = await next()
      if (!look.isPaused || frame === undefined) frame = now
      if (isDrawn) draw()
      else if (context.json) {
        const { rows, ...rest } = now
        const open = rows.filter(({ isOver }) => !isOver).length
        context.event({ event: 'interval', ...rest, open, rows: sortRows(rows, options.sort).slice(0, options.top) }, () => undefined)
      } else context.event({}, () => liveLine(now))
      await sleep(options.every, undefined, { signal: ending })
    }
  } catch (error) {
    if (!ending.aborted) throw error
  }
  return frame
}

async function watchPackets(context: Context, options: Options, capture: Capture): Promise<ExitCode> {
  using over = openEnding(context.signal, options.for)
  const name = `${options.interface}${options.host === undefined ? '' : ` ${options.host}`}`
  const sending = options.send === true ? await openSender(context, { ...options, name }) : undefined
  const totals = new Totals()
  const worst = new Foremost('score', worstShown)
  /** Sent before they came out. */
  const early = new Set<number>()
  const packets = new LivePackets(name, {
    onSession: (record) => {
      totals.add(record)
      worst.add(record)
      if (early.delete(record.number)) {
        // It was sent; its last turn is told only now.
        sending?.know(record)
        sending?.forget(record.number)
      } else sending?.session(record)
      if (context.json) context.event({ event: 'session', session: record }, () => undefined)
    },
    ...(sending === undefined ? {} : { onTurn: (turn, session) => sending.turn(turn, session) }),
  })
  let failure: unknown
  capture.stdout.on('data', (bytes: Buffer) => {
    try {
      packets.write(bytes)
    } catch (error) {
      failure ??= error
      over.end()
    }
  })
  void capture.ended.then(() => over.end())
  const summary = (): CaptureSummary => ({ ...blank(name), sessions: totals.sessions })
  await watch(context, options, `Packets of ${options.interface}, by tcpdump.`, over.signal, over.end, async () => {
    if (sending !== undefined) await sendMeanwhile(sending, packets, early, summary(), context)
    return packets.frame(Date.now())
  })
  const endedItself = !over.signal.aborted
  await capture.stop()
  const { drops, says, code } = await capture.ended
  // What is still in the pipe comes before its end.
  await new Promise<void>((resolve) => (capture.stdout.readableEnded ? resolve() : capture.stdout.once('close', resolve)))
  if (failure !== undefined) throw fail('capture-failed', { because: sentenceOf(failure) }, failure)
  const taken = packets.end()
  const sentence = sayDrops(drops)
  const capturedSummary = { ...taken, warnings: [...taken.warnings, ...warningOf(drops)] }
  if (context.json) context.event({ event: 'end', capture: capturedSummary, drops, grades: totals.grades }, () => undefined)
  else
    context.tell(
      [
        sessionsView(
          { captures: [capturedSummary], sessions: worst.sorted(), totals, sort: 'score', isLive: true },
          { ...context, look: { ...context.look, terminal: true } },
        ),
        ...((drops.droppedByKernel ?? 0) > 0 || sentence === undefined ? [] : [context.paint('dim', sentence)]),
      ].join('\n'),
    )
  if (sending !== undefined) await sending.end(capturedSummary)
  if (endedItself && code !== 0) throw fail('capture-failed', { because: says.trim().split('\n').at(-1) ?? '' })
  return exitCodes.ok
}

const blank = (name: string): CaptureSummary => ({
  ...{ name, format: 'live', bytes: 0, packets: 0, tcpPackets: 0, sessions: 0 },
  ...{ firstMs: null, lastMs: null, notUnderstood: {}, warnings: [] },
})

const warningOf = (drops: Drops): readonly string[] =>
  (drops.droppedByKernel ?? 0) + (drops.droppedByInterface ?? 0) > 0 ? [sayDrops(drops) ?? ''] : []

/** Closed so long, and nothing late comes any more. */
const quietMs = 10_000

/**
 * On a quiet link closed sessions come out late, so what is over is sent as it is. A server that is away for a moment must
 * not end the table.
 */
async function sendMeanwhile(
  sending: Sending,
  packets: LivePackets,
  early: Set<number>,
  summary: CaptureSummary,
  context: Context,
): Promise<void> {
  for (const record of packets.open()) {
    const endedMs = record.startedMs + record.duration * 1_000
    sending.know(record)
    if (record.close === 'open' || record.close === 'halfClosed' || Date.now() - endedMs < quietMs || early.has(record.number)) continue
    early.add(record.number)
    sending.session(record)
  }
  try {
    await sending.meanwhile(summary)
  } catch (error) {
    if (!context.look.terminal) context.note(`Not sent yet: ${sentenceOf(error)}`)
  }
}

async function watchSockets(context: Context, options: Options, says: string): Promise<ExitCode> {
  using over = openEnding(context.signal, options.for)
  const sockets = new LiveSockets()
  const last = await watch(context, options, says, over.signal, over.end, async () =>
    sockets.poll(await askSockets(options.host, options.port, over.signal), Date.now()),
  )
  const open = last?.rows.filter(({ isOver }) => !isOver).length ?? 0
  const closed = last?.closed ?? 0
  const odd = sockets.notUnderstood === 0 ? '' : ` ${sayCount(sockets.notUnderstood, 'line')} of ss could not be read.`
  if (context.json) context.event({ event: 'end', open, closed, notUnderstood: sockets.notUnderstood }, () => undefined)
  else context.tell(`${sayCount(open, 'socket')} open at the end, ${closed.toLocaleString('en')} closed meanwhile.${odd}`)
  return exitCodes.ok
}
