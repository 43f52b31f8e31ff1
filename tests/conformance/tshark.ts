/**
 * What tshark 4.0.17 says of the captures outside the repository. `frames.tsv` was made by it: for each capture, the
 * frames that carry any of its labels, so that they can be compared without an hour of tshark.
 *
 *     BELAY_TSHARK=1 vitest run --project journeys tests/conformance/tcp-tshark.test.ts    # makes it anew
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Label, labels } from '@belay/tcp'

export const data = join(import.meta.dirname, '../../../shared/data')
export const missing = existsSync(join(data, 'pcaps/MANIFEST.tsv')) ? '' : ` (no ${data})`
const framesFile = join(import.meta.dirname, 'tcp-tshark.frames.tsv')

/** Frame to labels, as bits in the order of `labels`. */
export type Labelled = ReadonlyMap<number, number>

/** A capture's row of the manifest; counts are of frames. */
export type Expected = Readonly<Record<(typeof columns)[number], number>>
/** The manifest's columns that an analysis can be held against. */
export const columns = [
  ...(['tcp', 'sessions', 'data', 'sack'] as const),
  ...(['retr', 'fast', 'spur', 'ooo', 'dup', 'lost', 'acklost', 'zw', 'zwp', 'wfull', 'ka', 'reused'] as const),
]
export const labelOfColumn: Readonly<Partial<Record<(typeof columns)[number], Label>>> = {
  retr: 'retransmission',
  fast: 'fastRetransmission',
  spur: 'spuriousRetransmission',
  ooo: 'outOfOrder',
  dup: 'duplicateAck',
  lost: 'lostSegment',
  acklost: 'ackLostSegment',
  zw: 'zeroWindow',
  zwp: 'zeroWindowProbe',
  wfull: 'windowFull',
  ka: 'keepAlive',
  reused: 'reusedPorts',
}

/** Path below `data` to what its row says. */
export function readManifest(): ReadonlyMap<string, Expected> {
  const [head = '', ...lines] = readFileSync(join(data, 'pcaps/MANIFEST.tsv'), 'utf8').trimEnd().split('\n')
  const names = head.split('\t')
  return new Map(
    lines.map((line) => {
      const cells = line.split('\t')
      const row = Object.fromEntries(columns.map((name) => [name, Number(cells[names.indexOf(name)])])) as Expected
      return [`pcaps/${cells[0]}`, row]
    }),
  )
}

/** Of one direction, by "address:port"; what is left out is 0. */
export type GoldenSide = Readonly<Record<string, number>>
export type GoldenStream = Readonly<Record<string, GoldenSide>> & { readonly irtt_ns?: number }

/** Path below `data` to its streams, by tshark's number. */
export function readGolden(): ReadonlyMap<string, Readonly<Record<string, GoldenStream>>> {
  const golden = JSON.parse(readFileSync(join(data, 'tcp/golden-tshark-4.0.17.json'), 'utf8')) as Record<
    string,
    Record<string, GoldenStream>
  >
  return new Map(Object.entries(golden).map(([file, streams]) => [`tcp/${file}`, streams]))
}

export function captures(): string[] {
  const inFolder = (folder: string) => readdirSync(join(data, folder)).map((name) => `${folder}/${name}`)
  return [...readManifest().keys(), ...inFolder('tcp/curated'), ...inFolder('tcp/lab').filter((path) => path.endsWith('.pcap'))]
}

/** Each line: a path, then `FRAME:LABELS` of each labelled frame, the frame as the distance from the one before, the labels in hex. */
export function readFrames(): ReadonlyMap<string, Labelled> {
  if (process.env.BELAY_TSHARK !== undefined) writeFrames()
  return new Map(
    readFileSync(framesFile, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => {
        const [path = '', ...cells] = line.split(/[\t ]/)
        let frame = 0
        const labelled = cells.map((cell) => {
          const [distance, bits] = cell.split(':')
          frame += Number(distance)
          return [frame, Number.parseInt(bits as string, 16)] as const
        })
        return [path, new Map(labelled)]
      }),
  )
}

const tsharkNames = labels.map((label) => `tcp.analysis.${label.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`)

function writeFrames(): void {
  const lines = captures().flatMap((path) => {
    const labelled = [...tsharkLabels(path)]
    if (labelled.length === 0) return []
    const cells = labelled.map(([frame, bits], nth) => `${frame - (labelled[nth - 1]?.[0] ?? 0)}:${bits.toString(16)}`)
    return [`${path}\t${cells.join(' ')}`]
  })
  writeFileSync(framesFile, `${lines.join('\n')}\n`)
}

function tsharkLabels(path: string): Labelled {
  const fields = ['frame.number', ...tsharkNames].flatMap((name) => ['-e', name])
  const args = ['-n', '-r', join(data, path), '-Y', tsharkNames.join(' || '), '-T', 'fields', ...fields]
  const told = run('tshark', args)
  return new Map(
    told.split('\n').flatMap((line) => {
      const [frame, ...cells] = line.split('\t')
      if (frame === undefined || frame === '') return []
      return [[Number(frame), cells.reduce((bits, cell, nth) => (cell === '' ? bits : bits | (1 << nth)), 0)]]
    }),
  )
}

/** What a program prints; tshark ends with 2 after a capture that is cut off at its end, and has told what it could. */
function run(program: string, args: readonly string[]): string {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 28 })
  } catch (thrown) {
    if (thrown instanceof Error && 'stdout' in thrown && typeof thrown.stdout === 'string' && 'status' in thrown && thrown.status === 2)
      return thrown.stdout
    throw thrown
  }
}
