import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { temporaryFolder } from '@belay/testkit'
import { type BenchOptions, type Row, row } from './measure.ts'

export const about = 'The demo: how long its story takes, how soon a second start shows the page, and whether a user noticed.'

/** What is read here of the document that `belay demo --once --json` ends with. */
type Summary = {
  readonly ok: boolean
  readonly storyMs: number | null
  readonly error: { readonly message: string } | null
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly because: string }[]
  readonly traffic: Readonly<Record<string, Figures | null>>
}
type Figures = { readonly sent: number; readonly failed: number; readonly p99Ms: number; readonly slowestMs: number }

const root = join(import.meta.dirname, '..')
/** Ten times the goal: then something hangs. */
const pageMsMax = 50_000

/** One story, whatever the rounds: it is long enough to speak for itself. The second start is measured as often as asked. */
export async function rows({ rounds, note }: BenchOptions): Promise<Row[]> {
  await using folder = await temporaryFolder()
  const home = join(folder.path, 'demo')
  note('tells the story')
  const summary = await tellStory(home)
  for (const check of summary.checks) if (!check.ok) note(`did not hold: ${check.name}: ${check.because}`)
  if (summary.storyMs === null) throw new Error(`the story was not told to its end: ${summary.error?.message ?? 'no reason given'}`)

  const starts: number[] = []
  for (let round = 0; summary.ok && round < rounds; round++) {
    note(`starts again, ${round + 1} of ${rounds}`)
    starts.push(await startAgain(home))
  }
  const users = Object.entries(summary.traffic).flatMap(([name, figures]) => (figures === null ? [] : usersRows(name, figures)))
  return [
    row({ name: 'the story', unit: 's', ours: summary.storyMs / 1_000, goal: { of: 'ours', atMost: 90 } }),
    // The slowest, not the median: somebody had to wait for it.
    ...(starts.length === 0
      ? []
      : [
          row({
            name: 'second start to a usable page, the slowest',
            unit: 's',
            ours: Math.max(...starts) / 1_000,
            goal: { of: 'ours', atMost: 5 },
          }),
        ]),
    ...users,
  ]
}

function usersRows(name: string, { sent, failed, p99Ms, slowestMs }: Figures): Row[] {
  const all = name === 'all'
  return [
    row({
      name: `requests sent, ${name}`,
      unit: 'requests',
      ours: sent,
      ...(all ? { goal: { of: 'ours', atLeast: 5_000 } as const } : {}),
    }),
    row({ name: `requests failed, ${name}`, unit: 'requests', ours: failed, goal: { of: 'ours', atMost: 0 } }),
    row({ name: `99 of 100 requests within, ${name}`, unit: 'ms', ours: p99Ms }),
    row({ name: `slowest request, ${name}`, unit: 'ms', ours: slowestMs }),
  ]
}

async function tellStory(home: string): Promise<Summary> {
  const child = start(['--once', '--json', '--home', home])
  let text = ''
  child.stdout?.on('data', (piece) => {
    text += String(piece)
  })
  await ended(child)
  // In front of the document is what npm has to say.
  return JSON.parse(text.slice(text.indexOf('{\n'))) as Summary
}

/** From the command to a page that answers, in milliseconds; then it is ended as a person would. */
async function startAgain(home: string): Promise<number> {
  const began = performance.now()
  const child = start(['--home', home, '--port', '0'])
  child.stdout?.resume()
  const gone = ended(child)
  try {
    while (!(await pageAnswers(home))) {
      if (performance.now() - began > pageMsMax) throw new Error(`no page within ${pageMsMax / 1_000} s`)
      await sleep(20)
    }
    return performance.now() - began
  } finally {
    const demo = readJson(join(home, 'demo.json'))?.pid
    if (typeof demo === 'number' && demo > 0) process.kill(demo, 'SIGINT')
    await gone
  }
}

async function pageAnswers(home: string): Promise<boolean> {
  const url = readJson(join(home, 'home', 'server.json'))?.url
  if (typeof url !== 'string') return false
  const answer = await fetch(url).catch(() => undefined)
  return answer?.ok === true && (await answer.text()).includes('</html>')
}

/** Both the way that a newcomer goes. */
function start(flags: readonly string[]): ChildProcess {
  return spawn('npm', ['start', '--silent', '--', ...flags], { cwd: root, stdio: ['ignore', 'pipe', 'ignore'] })
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', () => resolve())
  })
}

function readJson(path: string): Record<string, unknown> | undefined {
  try {
    return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
