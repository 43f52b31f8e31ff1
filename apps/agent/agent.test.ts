import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { seededRandom, systemClock } from '@belay/base'
import { sha256OfFile } from '@belay/base/node'
import { type Agent, connectAgent, runCommand, socketPathOf } from '@belay/exec'
import { eventually, temporaryFolder } from '@belay/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'

const main = join(import.meta.dirname, 'main.ts')
const withinMs = 15_000

/** A home with an agent that is gone, with all it started, at the end of the test. */
async function ground(under = 'agent') {
  const folder = await temporaryFolder()
  const home = join(folder.path, under)
  const root = join(folder.path, 'root')
  await mkdir(home, { recursive: true })
  let agent: Agent | undefined
  onTestFinished(async () => {
    agent ??= await connectAgent({ home, main })
    await agent.ask('erase', { root, key: 'end', fence: 1_000 })
    await agent.ask('retire', {})
    agent.close()
    await folder[Symbol.asyncDispose]()
  })
  return {
    folder: folder.path,
    home,
    root,
    connected: async () => {
      agent = await connectAgent({ home, main })
      return agent
    },
  }
}

const pidOf = (home: string) => (JSON.parse(readFileSync(join(home, 'agent.json'), 'utf8')) as { pid: number }).pid

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !/\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}

/** What is answered to lines said over a bare connection. */
async function said(
  socketPath: string,
  lines: readonly (string | Buffer)[],
  answers: number,
): Promise<{ id: unknown; failed?: { code: string } }[]> {
  const socket = connect(socketPath)
  onTestFinished(() => void socket.destroy())
  let heard = ''
  socket.on('data', (chunk) => {
    heard += chunk
  })
  for (const line of lines) socket.write(line)
  const whole = () => heard.split('\n').slice(0, -1)
  await eventually(() => whole().length >= answers, { withinMs, what: `${answers} answers` })
  return whole().map((line) => JSON.parse(line) as { id: unknown; failed?: { code: string } })
}

// A machine that is busy with other tests takes seconds to start a program.
describe('an agent', { timeout: 60_000 }, () => {
  test('is the only one of its home: a second start ends quietly and disturbs nothing', async () => {
    const { home, connected } = await ground()
    const agent = await connected()
    const { pid } = await agent.ask('hello', {})
    const second = await runCommand([process.execPath, main, '--socket', socketPathOf(home), '--home', home], { timeLimitMs: withinMs })
    expect(second).toMatchObject({ exitCode: 0, stdout: '', stderr: '' })
    expect((await agent.ask('hello', {})).pid).toBe(pid)
  })

  test('of ten that start at once, one stays', async () => {
    const { home, connected } = await ground()
    const starts = Array.from({ length: 10 }, () =>
      spawn(process.execPath, [main, '--socket', socketPathOf(home), '--home', home], { stdio: 'ignore' }),
    )
    const ended = () => starts.filter((child) => child.exitCode !== null)
    await eventually(() => ended().length === 9, { withinMs: 30_000, what: 'nine to end' })
    expect(ended().every((child) => child.exitCode === 0)).toBe(true)
    const left = starts.find((child) => child.exitCode === null)
    await eventually(() => existsSync(join(home, 'agent.json')), { withinMs })
    expect(pidOf(home)).toBe(left?.pid)
    await connected()
  })

  test('takes the place of one that was killed and left its socket behind', async () => {
    const { home, connected } = await ground()
    const agent = await connected()
    const first = pidOf(home)
    process.kill(first, 'SIGKILL')
    expect((await agent.ask('hello', {})).pid).not.toBe(first)
  })

  test('can be reached by its own user only', async () => {
    const { home, connected } = await ground()
    await connected()
    expect(statSync(dirname(socketPathOf(home))).mode & 0o777).toBe(0o700)
  })

  test('of a home with a long path listens at a short one, and says where', async () => {
    const { home, connected } = await ground('a-folder-with-a-long-name/'.repeat(6))
    const agent = await connected()
    const { socket } = JSON.parse(readFileSync(join(home, 'agent.json'), 'utf8')) as { socket: string }
    expect(socket.length).toBeLessThan(100)
    expect(socket).toBe(socketPathOf(home))
    expect(statSync(dirname(socket)).mode & 0o777).toBe(0o700)
    expect(await agent.ask('services', { root: join(home, 'nothing') })).toEqual({ services: [] })
  })

  test('answers every line, however wrong, and goes on listening', async () => {
    const { home, connected } = await ground()
    const agent = await connected()
    const { pid } = await agent.ask('hello', {})
    const wrong = [
      'what?\n',
      '{}\n',
      '{"id":1,"order":{"order":"job"}}\n',
      Buffer.from([0xff, 0xfe, 0x0a]),
      '\n',
      `${'x'.repeat(9 * 1024 * 1024)}\n`,
    ]
    const answers = await said(socketPathOf(home), [...wrong, '{"id":"last","order":{"order":"hello"}}\n'], wrong.length + 1)
    expect(answers.slice(0, -1).map((answer) => answer.failed?.code)).toEqual(wrong.map(() => 'bad-order'))
    expect(answers.at(-1)).toMatchObject({ id: 'last', done: { pid } })
  })

  test('answers several orders of one connection each in its own time', async () => {
    const { home, root, connected } = await ground()
    await connected()
    const job = { order: 'job', root, fence: 1, key: 'slow', shell: 'sleep 0.3', cwd: '.', env: {}, timeLimitMs: 5_000 }
    const answers = await said(socketPathOf(home), [`${JSON.stringify({ id: 1, order: job })}\n{"id":2,"order":{"order":"hello"}}\n`], 2)
    expect(answers.map((answer) => answer.id)).toEqual([2, 1])
  })

  test('outlives the whole process group of the server that started it', async () => {
    const { home, connected } = await ground()
    const script = `const { connectAgent } = await import(${JSON.stringify(import.meta.resolve('@belay/exec'))})
      await connectAgent({ home: ${JSON.stringify(home)}, main: ${JSON.stringify(main)} }); setInterval(() => {}, 1000)`
    const server = spawn(process.execPath, ['--input-type=module', '-e', script], { detached: true, stdio: 'ignore' })
    const pid = await eventually(() => existsSync(join(home, 'agent.json')) && pidOf(home), { withinMs })
    process.kill(-(server.pid as number), 'SIGKILL')
    await eventually(() => !lives(server.pid as number), { withinMs })
    await systemClock.sleep(100)
    expect((await (await connected()).ask('hello', {})).pid).toBe(pid)
  })

  test('of older code is replaced by the next server, and its jobs and services go on', async () => {
    const { home, root, connected } = await ground()
    const old = spawn(process.execPath, [main, '--socket', socketPathOf(home), '--home', home, '--version', 'older'], { stdio: 'ignore' })
    await eventually(() => existsSync(join(home, 'agent.json')), { withinMs })
    const service = JSON.stringify({
      id: 1,
      order: { order: 'ensure', root, fence: 1, key: 's', service: 'api', spec: { shell: 'exec sleep 60', cwd: '.', env: {} } },
    })
    const [started] = await said(socketPathOf(home), [`${service}\n`], 1)
    const agent = await connected()
    expect((await agent.ask('hello', {})).pid).not.toBe(old.pid)
    await eventually(() => old.exitCode !== null, { withinMs })
    expect(old.exitCode).toBe(0)
    const { services } = await agent.ask('services', { root })
    expect(services).toMatchObject([{ state: 'running', pid: (started as unknown as { done: { pid: number } }).done.pid, restarts: 0 }])
  })

  test('that is killed is started anew although nobody asks for anything', async () => {
    const { home, connected } = await ground()
    await connected()
    const first = pidOf(home)
    process.kill(first, 'SIGKILL')
    const next = await eventually(() => pidOf(home) !== first && pidOf(home), { withinMs })
    expect(lives(next)).toBe(true)
  })

  test('stops the services of a host whose folder somebody deleted', async () => {
    const { root, connected } = await ground()
    const agent = await connected()
    const spec = { shell: 'exec sleep 60', cwd: '.', env: {} }
    const { pid } = await agent.ask('ensure', { root, fence: 1, key: 's', service: 'api', spec })
    await runCommand(['rm', '-rf', root])
    await eventually(() => !lives(pid), { withinMs, what: 'the service to end' })
    expect(await agent.ask('services', { root })).toEqual({ services: [] })
  })

  test('that can not start says why', async () => {
    const { home } = await ground()
    writeFileSync(join(home, 'broken.ts'), 'throw new Error("no luck today")\n')
    await expect(connectAgent({ home, main: join(home, 'broken.ts') })).rejects.toMatchObject({
      code: 'agent-unreachable',
      message: expect.stringContaining('no luck today'),
    })
  })

  test('names the stranger that took a port while its service was down', async () => {
    const { root, connected } = await ground()
    const agent = await connected()
    const stranger = createServer()
    const port = await new Promise<number>((resolve) => {
      stranger.listen(0, '127.0.0.1', () => resolve((stranger.address() as { port: number }).port))
    })
    await new Promise((resolve) => stranger.close(resolve))
    const spec = { shell: 'sleep 0.3; exit 1', cwd: '.', env: {}, port }
    await agent.ask('ensure', { root, fence: 1, key: 's', service: 'api', spec })
    await new Promise<void>((resolve) => stranger.listen(port, '127.0.0.1', resolve))
    onTestFinished(() => void stranger.close())
    const taken = `Port ${port} of api is taken by process ${process.pid}`
    await eventually(async () => (await agent.ask('services', { root })).services[0]?.because?.includes(taken), { withinMs })
  })

  test('killed again and again at random moments, loses no order and carries none out twice', { timeout: 120_000 }, async () => {
    const seed = Number(process.env['BELAY_SEED'] ?? Date.now() % 1e9)
    const random = seededRandom(seed)
    const { folder, home, root, connected } = await ground()
    const agent = await connected()
    await mkdir(join(folder, 'source'))
    writeFileSync(join(folder, 'source/a'), 'a'.repeat(200_000))
    await runCommand(['tar', '-czf', join(folder, 'a.tgz'), '-C', join(folder, 'source'), '.'])
    const sha256 = await sha256OfFile(join(folder, 'a.tgz'))
    const spec = (label: string) => ({ shell: `echo ${label} >> starts; exec sleep 60`, cwd: '.', env: {}, label })

    let over = false
    let kills = 0
    const killing = (async () => {
      while (!over) {
        await systemClock.sleep(150 + random() * 700)
        try {
          process.kill(pidOf(home), 'SIGKILL')
          kills++
        } catch {
          // It is just being started anew.
        }
      }
    })()
    const rounds = 5
    for (let round = 0; round < rounds; round++) {
      const under = (what: string) => ({ root, fence: round, key: `${round}/${what}` })
      await agent.ask('put', { ...under('put'), from: join(folder, 'a.tgz'), to: `in/${round}.tgz`, sha256 })
      await agent.ask('unpack', { ...under('unpack'), archive: `in/${round}.tgz`, to: `software/${round}`, sha256 })
      const { before } = await agent.ask('link', { ...under('link'), link: 'present', target: `software/${round}` })
      expect(before, `seed ${seed}`).toBe(round === 0 ? null : `software/${round - 1}`)
      let heard = ''
      const job = { shell: `echo begin; echo ${round} >> jobs-done; sleep 0.1; echo end`, cwd: '.', env: {}, timeLimitMs: 30_000 }
      const end = await agent.ask('job', { ...under('job'), ...job }, { onEvent: (event) => (heard += event.text) })
      expect(end, `seed ${seed}`).toMatchObject({ state: 'ended', exitCode: 0 })
      expect(heard, `seed ${seed}`).toBe('begin\nend\n')
      await agent.ask('ensure', { ...under('ensure'), service: 'api', spec: spec(`r${round}`) })
    }
    over = true
    await killing
    const { pid } = await agent.ask('hello', {})
    expect(kills, `seed ${seed}`).toBeGreaterThan(0)
    const numbers = Array.from({ length: rounds }, (_, round) => String(round))
    expect(readFileSync(join(root, 'jobs-done'), 'utf8').trim().split('\n'), `seed ${seed}`).toEqual(numbers)
    expect(readdirSync(join(root, 'software')).sort(), `seed ${seed}`).toEqual([...numbers].sort())
    const { services } = await agent.ask('services', { root })
    expect(services, `seed ${seed}`).toMatchObject([{ label: `r${rounds - 1}`, state: 'running' }])
    const sleepers = await runCommand(['pgrep', '-g', String(services[0]?.pid)])
    expect(sleepers.stdout.split('\n'), `seed ${seed}`).toHaveLength(1)
    const { entries } = await agent.ask('journal', { root })
    expect(entries, `seed ${seed}`).toHaveLength(rounds * 5)
    expect(
      entries.every((entry) => entry.doneAt !== undefined && entry.failed === undefined),
      `seed ${seed}`,
    ).toBe(true)
    expect(lives(pid)).toBe(true)
  })
})
