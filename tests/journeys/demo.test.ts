/** The demo as a newcomer starts it: told to its end as one document, shown again by a second start, and nothing left behind. */
import { type ChildProcess, spawn } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { eventually, type TemporaryFolder, temporaryFolder } from '@belay/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'

const belay = fileURLToPath(new URL('../../apps/cli/main.ts', import.meta.url))
let place: TemporaryFolder
let home: string
beforeAll(async () => {
  place = await temporaryFolder()
  home = join(place.path, 'demo')
})
afterAll(async () => {
  // Only a test that failed leaves one.
  for (const child of children) child.kill('SIGTERM')
  await Promise.all([...children].map((child) => new Promise((resolve) => child.once('close', resolve))))
  await place[Symbol.asyncDispose]()
})
const children = new Set<ChildProcess>()

type Summary = {
  readonly ok: boolean
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly because: string }[]
  readonly deployments: readonly { readonly environment: string; readonly release: string; readonly state: string }[]
  readonly refusal: { readonly code: string } | null
  readonly climb: readonly { readonly name: string; readonly wrong: readonly string[]; readonly lastOldMs: number | null }[]
  readonly traffic: { readonly all: { readonly sent: number; readonly failed: number } | null }
  readonly ledger: { readonly whole: boolean; readonly count: number } | null
}
type Run = { readonly child: ChildProcess; readonly out: () => string; readonly err: () => string; readonly code: Promise<number | null> }

function demo(...flags: string[]): Run {
  const child = spawn(process.execPath, [belay, 'demo', '--home', home, ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined },
  })
  children.add(child)
  child.once('close', () => children.delete(child))
  const said = { out: '', err: '' }
  child.stdout?.on('data', (piece) => {
    said.out += String(piece)
  })
  child.stderr?.on('data', (piece) => {
    said.err += String(piece)
  })
  return { child, out: () => said.out, err: () => said.err, code: new Promise((resolve) => child.once('close', resolve)) }
}

/** Every process that was started in, or told of, the demo's folder. */
async function left(): Promise<string[]> {
  const found: string[] = []
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)) {
    const read = (name: string) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '')
    const command = await read('cmdline')
    if (command.includes(home) || (await read('environ')).includes(home)) found.push(command.replaceAll('\0', ' '))
  }
  return found
}

function nothingIsLeft(): Promise<true> {
  const looked = async (): Promise<true> => {
    expect(await left()).toEqual([])
    return true
  }
  return eventually(looked, { withinMs: 10_000, what: 'all processes to be gone' })
}

test('the story goes as it should, is one document, and leaves no process', async () => {
  const run = demo('--once', '--json')
  const code = await run.code
  const summary = JSON.parse(run.out()) as Summary
  expect(
    summary.checks.filter((check) => !check.ok),
    run.err(),
  ).toEqual([])
  expect(summary).toMatchObject({ ok: true, ledger: { whole: true } })
  expect(code).toBe(0)
  const production = summary.deployments.filter(({ environment }) => environment === 'production')
  expect(production.map(({ release, state }) => `${release} ${state}`)).toEqual(['v1 passed', 'v2 passed', 'v4 undone'])
  expect(summary.refusal?.code).toBeDefined()
  expect(summary.traffic.all?.sent).toBeGreaterThanOrEqual(5_000)
  expect(summary.traffic.all?.failed).toBe(0)
  expect(run.err()).toContain('v4 is undone')
  const rungs = ['qa', 'staff', '50% of early-access', 'early-access', '10% of all', 'all', 'killed', 'restored']
  expect(summary.climb.map(({ name }) => name)).toEqual(rungs)
  expect(run.err()).not.toContain('\u001b[')
  await nothingIsLeft()
})

test('a second start shows what the first left, with its cloud, and Ctrl-C ends it all', async () => {
  const run = demo('--port', '0')
  await eventually(() => /users +use it: http/.test(run.out()), { withinMs: 60_000, what: 'the second start' })
  const page = /Belay +(http\S+)/.exec(run.out())?.[1] ?? ''
  expect((await fetch(`${page}/api/now`)).status).toBe(401)
  const cloud = /use it: (http\S+)/.exec(run.out())?.[1] ?? ''
  const served = async () => (await (await fetch(cloud)).text()).includes('Pages v2 · production')
  await eventually(served, { withinMs: 30_000, what: `v2 at ${cloud}` })
  // The flag and who sees it outlived the server, and its services were told where the new one is.
  const sees = async () =>
    (await (await fetch(`${cloud}/items/i8`, { headers: { cookie: 'me=amaraberg' } })).text()).includes('inline-comments')
  await eventually(sees, { withinMs: 30_000, what: 'inline comments on the page of a customer' })
  const { pid } = JSON.parse(await readFile(join(home, 'demo.json'), 'utf8')) as { pid: number }
  const other = demo('--once')
  expect(await other.code).toBe(1)
  expect(other.err()).toContain(`A demo runs in ${home} already (process ${pid})`)
  process.kill(pid, 'SIGINT')
  expect(await run.code, run.out() + run.err()).toBe(0)
  await nothingIsLeft()
})
