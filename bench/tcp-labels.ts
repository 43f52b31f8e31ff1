/**
 * Layer one beside the tshark that is installed, frame by frame: on captures made for it, in which much goes wrong, and on
 * those that lie outside the repository, when they are there. Each frame that differs is told on stderr.
 */
import { spawn } from 'node:child_process'
import { existsSync, globSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { labels } from '@belay/tcp'
import { analyseFile } from '@belay/tcp/node'
import { temporaryFolder } from '@belay/testkit'
import { type BenchOptions, type Row, row } from './measure.ts'
import { writeCapture } from './tcp/captures.ts'
import { tsharkVersion, whyNoPeers } from './tcp/processes.ts'

export const about = 'Labels of TCP segments beside those of the tshark that is installed, frame by frame.'

const shared = join(import.meta.dirname, '../../shared/data')
/** Frames that differ, of one capture, that are told. */
const toldMax = 10

type Count = { captures: number; flagged: number; alike: number; packets: number; sessionsAlike: number }

export async function rows({ quick, note }: BenchOptions): Promise<Row[]> {
  const missing = whyNoPeers()
  if (missing !== undefined) throw new Error(missing)
  await using folder = await temporaryFolder()
  const made = counted()
  for (const [packets, sessions, seed] of quick ? ([[50_000, 500, 1]] as const) : plans) {
    const file = join(folder.path, 'capture.pcap')
    writeCapture(file, { packets, sessions, live: Math.min(sessions, 200), snaplen: 128, seed })
    await compare(file, `made with seed ${seed}`, made, note)
  }
  const found = counted()
  const captures = quick || !existsSync(shared) ? [] : globSync('{pcaps,tcp}/**/*.{pcap,pcapng,cap,gz}', { cwd: shared })
  if (captures.length === 0 && !quick) note(`no captures in ${shared}`)
  for (const path of captures.toSorted()) await compare(join(shared, path), path, found, note)
  return [...rowsOf('captures made for it', made), ...(found.captures > 0 ? rowsOf('public and lab captures', found) : [])]
}

/** Many losses in few sessions, and many sessions. */
const plans = [
  [200_000, 20, 1],
  [200_000, 20, 2],
  [300_000, 10_000, 3],
] as const

const counted = (): Count => ({ captures: 0, flagged: 0, alike: 0, packets: 0, sessionsAlike: 0 })

function rowsOf(name: string, it: Count): Row[] {
  const peer = `tshark ${tsharkVersion()}`
  return [
    row({
      name: `${name}: labelled segments alike`,
      unit: 'segments',
      ours: it.alike,
      peer: { name: peer, value: it.flagged },
      goal: { of: 'ratio', atLeast: 0.999 },
    }),
    row({
      name: `${name}: with as many sessions and packets`,
      unit: 'captures',
      ours: it.sessionsAlike,
      peer: { name: peer, value: it.captures },
    }),
  ]
}

async function compare(file: string, name: string, count: Count, note: BenchOptions['note']): Promise<void> {
  const ours = new Map<number, number>()
  const summary = await analyseFile(file, {
    onSession: () => {},
    onLabels: { frame: (frame, found) => void ours.set(frame, found) },
  })
  const theirs = await tshark(file)
  const frames = [...new Set([...ours.keys(), ...theirs.labelled.keys()])].toSorted((a, b) => a - b)
  const apart = frames.filter((frame) => ours.get(frame) !== theirs.labelled.get(frame))
  count.captures++
  count.packets += summary.tcpPackets
  count.flagged += frames.length
  count.alike += frames.length - apart.length
  if (summary.sessions === theirs.streams && summary.tcpPackets === theirs.packets) count.sessionsAlike++
  else note(`${name}: ${summary.tcpPackets} packets and ${summary.sessions} sessions, of tshark ${theirs.packets} and ${theirs.streams}`)
  for (const frame of apart.slice(0, toldMax))
    note(`${name}, frame ${frame}: ${said(ours.get(frame))}, of tshark ${said(theirs.labelled.get(frame))}`)
  if (apart.length > toldMax) note(`${name}: ${apart.length - toldMax} more`)
}

const said = (found = 0) => labels.filter((_, nth) => ((found >> nth) & 1) !== 0).join(' + ') || 'nothing'

const names = labels.map((label) => `tcp.analysis.${label.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`)

/** Every frame with TCP; what it quotes of others counts as a stream only where it has a number. */
async function tshark(file: string): Promise<{ labelled: Map<number, number>; packets: number; streams: number }> {
  const fields = ['frame.number', 'tcp.stream', ...names].flatMap((name) => ['-e', name])
  const child = spawn('tshark', ['-n', '-r', file, '-Y', 'tcp', '-T', 'fields', ...fields], { stdio: ['ignore', 'pipe', 'ignore'] })
  const labelled = new Map<number, number>()
  const streams = new Set<string>()
  let packets = 0
  for await (const line of createInterface({ input: child.stdout })) {
    const [frame, stream = '', ...cells] = line.split('\t')
    packets++
    for (const one of stream.split(',')) if (one !== '') streams.add(one)
    const found = cells.reduce((bits, cell, nth) => (cell === '' ? bits : bits | (1 << nth)), 0)
    if (found !== 0) labelled.set(Number(frame), found)
  }
  return { labelled, packets, streams: streams.size }
}
