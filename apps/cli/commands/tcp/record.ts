import type { Command } from 'commander'
import { Option } from 'commander'
import { resolve } from 'node:path'
import { Problem, sayBytes, sayCount, sayDuration, sentenceOf } from '@belay/base'
import { countOption, durationOption, leaf } from '../../command.ts'
import { type Context, type GlobalOptions, runs } from '../../context.ts'
import { type ExitCode, exitCodes } from '../../exit-codes.ts'
import { fail } from '../../problems.ts'
import { openEnding } from '../../tcp/ending.ts'
import { Ring } from '../../tcp/ring.ts'
import { captureFilter, sayDrops, startCapture } from '../../tcp/tcpdump.ts'
import { captureHostOption, interfaceOption, sizeOption } from './options.ts'

type Options = GlobalOptions & {
  readonly interface: string
  readonly into: string
  readonly size: number
  readonly files: number
  readonly snaplen: number
  readonly host?: string
  readonly port?: number
  readonly for?: number
}

/** Smaller, and a busy second would fill the ring; one packet must fit by far. */
const sizeLeast = 1_000_000
const filesMax = 100_000
/** Ethernet, VLANs, a tunnel, IPv4 and TCP with all options: less would cut what is measured. */
const snaplenLeast = 96
const snaplenMax = 262_144
const tellEveryMs = 1_000

export const recordCommand = (): Command =>
  leaf('record', 'capture into a ring of files that never outgrows its bound', [
    ['belay tcp record --interface eth0 --into /var/tmp/ring', '10 files of 64 MB, headers alone, until Ctrl-C'],
    ['belay tcp record --interface any --into ring --size 1GB --files 50 --port 5432', 'of the database, 50 GB at most'],
    ['belay tcp /var/tmp/ring/*.pcap', 'what was in them'],
  ])
    .addOption(new Option('-i, --interface <name>', 'where to listen; any: everywhere').argParser(interfaceOption).makeOptionMandatory())
    .requiredOption('--into <folder>', 'where the files go; made when it is not there')
    .addOption(new Option('--size <bytes>', 'of one file').argParser(sizeLeastOption).default(64_000_000, '64MB'))
    .addOption(new Option('--files <count>', 'at most so many; the oldest goes').argParser(countOption(2, filesMax)).default(10))
    .addOption(
      new Option('--snaplen <bytes>', 'of each packet; 128 hold all headers').argParser(countOption(snaplenLeast, snaplenMax)).default(128),
    )
    .addOption(new Option('--host <address>', 'only of this host').argParser(captureHostOption))
    .addOption(new Option('--port <port>', 'only of this port').argParser(countOption(1, 65_535)))
    .addOption(new Option('--for <duration>', 'end after so long; otherwise Ctrl-C ends it').argParser(durationOption))
    .action(runs(record))

const sizeLeastOption = (text: string): number => Math.max(sizeLeast, sizeOption(text))

async function record(context: Context, options: Options): Promise<ExitCode> {
  const folder = resolve(options.into)
  const { size, files, snaplen } = options
  const capture = await startCapture({ interface: options.interface, filter: captureFilter(options.host, options.port), snaplen })
  const beganMs = Date.now()
  try {
    const ring = await Ring.open(folder, { fileBytes: size, files }).catch(keepingFailed(folder))
    context.note(
      `Capturing on ${options.interface} into ${folder}: at most ${files} files of ${sayBytes(size)}, ${sayBytes(size * files)} in all${ring.files.length === 0 ? '' : ` (${ring.files.length} of an earlier ring count)`}. Ctrl-C ends it.`,
    )
    using over = openEnding(context.signal, options.for)
    const ending = over.signal
    ending.addEventListener('abort', () => void capture.stop(), { once: true })
    if (ending.aborted) void capture.stop()
    const drawing = process.stderr.isTTY === true && !context.json
    let toldMs = 0
    for await (const bytes of capture.stdout) {
      await ring.write(bytes as Buffer).catch(keepingFailed(folder))
      if (drawing && Date.now() - toldMs > tellEveryMs) {
        toldMs = Date.now()
        process.stderr.write(
          `\r\u001b[K${sayCount(ring.records, 'packet')}, ${sayBytes(ring.bytes)} in ${sayCount(ring.files.length, 'file')}, ${sayDuration(toldMs - beganMs)}`,
        )
      }
    }
    if (drawing) process.stderr.write('\r\u001b[K')
    await ring.close()
    const { drops, says, code } = await capture.ended
    const wasAsked = ending.aborted
    const document = {
      folder,
      files: ring.files,
      packets: ring.records,
      bytes: ring.bytes,
      removed: ring.removed,
      boundBytes: size * files,
      seconds: (Date.now() - beganMs) / 1_000,
      drops,
    }
    context.answer(document, () =>
      [
        `${sayCount(ring.records, 'packet')} in ${sayDuration(Date.now() - beganMs)}; ${folder} holds ${sayBytes(ring.bytes)} in ${sayCount(ring.files.length, 'file')}${ring.removed === 0 ? '' : `, ${sayCount(ring.removed, 'older one')} made room`}.`,
        sayDrops(drops),
        ...(ring.files.length === 0 ? [] : [`Next: belay tcp ${folder}/${ring.files.at(-1)}`]),
      ]
        .filter((line) => line !== undefined)
        .join('\n'),
    )
    if (wasAsked) return exitCodes.ok
    context.note(`tcpdump ended by itself (${code ?? 'by a signal'}): ${says.trim().split('\n').at(-1) ?? ''}`)
    return exitCodes.failed
  } finally {
    await capture.stop()
  }
}

const keepingFailed =
  (folder: string) =>
  (error: unknown): never => {
    if (error instanceof Problem) throw error
    const because = reasons[(error as NodeJS.ErrnoException).code ?? ''] ?? sentenceOf(error)
    throw fail('ring-failed', { folder, because }, error)
  }

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write there',
  EROFS: 'it is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'this user’s share of the disk is full',
  ENOTDIR: 'a part of the path is a file',
  EEXIST: 'it is a file',
}
