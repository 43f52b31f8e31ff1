/**
 * What every driver promises of a host. A driver's own test hands in how to open one; the same facts are then tried
 * on it. A host is opened anew for each of them.
 */
import { readFileSync } from 'node:fs'
import { readdir, readFile, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { Problem } from '@belay/base'
import { type JobEnd, runCommand, type ServiceSpec } from '@belay/exec'
import { eventually, freePort } from '@belay/testkit'
import { describe, expect, onTestFinished, type TestContext, test } from 'vitest'
import type { Host, HostJob, Under } from './host.ts'

export type OpenedHost = {
  readonly host: Host
  /** Where this test sees a path of the host. */
  readonly see: (relative: string) => string
  /** A .tgz with these files, where `put` can take it from. */
  readonly artifact: (files: Record<string, string>) => Promise<{ path: string; sha256: string }>
  /** Ends the agent with SIGKILL, and with it (before it can notice) the process groups given. */
  readonly killAgent?: (alsoGroups?: readonly number[]) => Promise<void>
  readonly close: () => Promise<void>
}

/** A host whose agent answers takes well under a second for any of this; the rest is for a machine that is busy. */
const withinMs = 15_000

export function hostKeepsItsPromises(
  name: string,
  open: () => Promise<OpenedHost>,
  /** A host on a file system of 1 MiB, or why there is none. */
  openSmall: () => Promise<OpenedHost | { readonly skipped: string }>,
): void {
  describe(`a ${name} host`, { timeout: 60_000 }, () => {
    let keys = 0
    const under = (fence = 1): Under => ({ key: `order-${++keys}`, fence })
    async function opened(): Promise<OpenedHost> {
      const it = await open()
      onTestFinished(() => it.close())
      await it.host.write({ key: 'ground', fence: 0 }, { to: 'data/ground', content: '', mode: 0o644 })
      return it
    }
    async function withKill(context: TestContext): Promise<OpenedHost & { killAgent: NonNullable<OpenedHost['killAgent']> }> {
      const it = await opened()
      const { killAgent } = it
      if (killAgent === undefined) return context.skip('this driver has no agent that a test may kill')
      return { ...it, killAgent }
    }

    describe('orders', () => {
      test('an order with a key is carried out once; the second asker gets the recorded result', async () => {
        const { host, see } = await opened()
        const once = under()
        const job = command('echo x >> data/count; echo ran')
        const first = await run(host, once, job)
        const second = await run(host, once, job)
        expect(second.end).toEqual(first.end)
        expect(second.text).toBe('ran\n')
        expect(await content(see, 'data/count')).toBe('x\n')
      })

      test('two who give the same order at the same time get the one result', async () => {
        const { host } = await opened()
        const once = under()
        const job = command('sleep 0.2; echo x >> data/count; cat data/count')
        const [first, second] = await Promise.all([run(host, once, job), run(host, once, job)])
        expect(second).toEqual(first)
        expect(first.text).toBe('x\n')
      })

      test('a key names one order for ever', async () => {
        const { host } = await opened()
        const once = under()
        await host.write(once, { to: 'a', content: '', mode: 0o644 })
        await expect(host.remove(once, 'a')).rejects.toMatchObject({ code: 'bad-order' })
      })

      test('an order under a lease that is over is refused, and the refusal names both leases', async () => {
        const { host, see } = await opened()
        await host.write(under(7), { to: 'a', content: 'seven', mode: 0o644 })
        const stale = await problemOf(host.write(under(6), { to: 'a', content: 'six', mode: 0o644 }))
        expect(stale).toMatchObject({ code: 'stale-fence', facts: { given: 6, seen: 7 } })
        expect(stale.message).toMatch(/lease 6.*lease 7/)
        expect(await content(see, 'a')).toBe('seven')
        expect((await host.facts()).fence).toBe(7)
        await host.write(under(7), { to: 'a', content: 'seven again', mode: 0o644 })
      })

      test('an answer from the journal is refused as well to whoever lost the lease', async () => {
        const { host } = await opened()
        const once = under(3)
        await host.write(once, { to: 'a', content: '', mode: 0o644 })
        await host.write(under(4), { to: 'b', content: '', mode: 0o644 })
        expect(await problemOf(host.write(once, { to: 'a', content: '', mode: 0o644 }))).toMatchObject({ code: 'stale-fence' })
      })

      test('the journal tells intent, end and failure of every order, by the beginning of its key', async () => {
        const { host, see } = await opened()
        await host.write({ key: 'd1/a', fence: 1 }, { to: 'a', content: '', mode: 0o644 })
        await host.put({ key: 'd1/b', fence: 1 }, { from: '/nowhere', to: 'b', sha256: '0'.repeat(64) }).catch(() => {})
        await host.write({ key: 'd2/a', fence: 1 }, { to: 'a', content: '', mode: 0o644 })
        const slow = run(host, { key: 'd1/c', fence: 1 }, command('touch data/begun; sleep 0.5'))
        await eventually(() => exists(see, 'data/begun'), { withinMs, what: 'the job to begin' })
        const entries = await host.journal('d1/')
        expect(entries.map((entry) => [entry.key, entry.order, entry.doneAt !== undefined, entry.failed?.code])).toEqual([
          ['d1/a', 'write', true, undefined],
          ['d1/b', 'put', true, 'path-missing'],
          ['d1/c', 'job', false, undefined],
        ])
        const { end } = await slow
        expect((await host.journal('d1/c'))[0]).toMatchObject({ key: 'd1/c', fence: 1, result: end })
      })

      test('an order that failed is carried out when it is given again', async () => {
        const { host, artifact } = await opened()
        const once = under()
        const it = await artifact({ 'a.txt': 'a' })
        expect(await problemOf(host.put(once, { from: `${it.path}.later`, to: 'x.tgz', sha256: it.sha256 }))).toMatchObject({
          code: 'path-missing',
        })
        await host.put(once, { from: it.path, to: 'x.tgz', sha256: it.sha256 })
      })

      test('an erased host stops all that ran on it and leaves nothing', async () => {
        const { host, see } = await opened()
        const { pid } = await host.ensure(under(), 'api', service('exec sleep 60'))
        const job = run(host, under(), command('touch data/begun; sleep 60'))
        await eventually(() => exists(see, 'data/begun'), { withinMs })
        await host.erase(under(2))
        expect((await job).end).toMatchObject({ state: 'ended', cancelled: true })
        expect(lives(pid)).toBe(false)
        expect(await exists(see, '.')).toBe(false)
        expect(await host.services()).toEqual([])
        await host.erase(under(2))
      })
    })

    describe('files', () => {
      test('an artifact is put and unpacked with its modes, and switched by a link that says what was before', async () => {
        const { host, artifact, see } = await opened()
        const one = await artifact({ 'src/run.sh': '#!/bin/sh\necho one\n' })
        const two = await artifact({ 'src/run.sh': '#!/bin/sh\necho two\n' })
        for (const [version, it] of Object.entries({ one, two })) {
          await host.put(under(), { from: it.path, to: `in/${version}.tgz`, sha256: it.sha256 })
          await host.unpack(under(), { archive: `in/${version}.tgz`, to: `software/${version}`, sha256: it.sha256 })
        }
        expect(await host.link(under(), { link: 'software/present', target: 'software/one' })).toEqual({ before: null })
        const switched = under()
        expect(await host.link(switched, { link: 'software/present', target: 'software/two' })).toEqual({ before: 'software/one' })
        expect(await host.link(switched, { link: 'software/present', target: 'software/two' })).toEqual({ before: 'software/one' })
        expect((await run(host, under(), command('src/run.sh', 'software/present'))).text).toBe('two\n')
        await host.remove(under(), 'software/one')
        await host.remove(under(), 'software/one')
        expect(await exists(see, 'software/one')).toBe(false)
      })

      test('unpacking what is unpacked already leaves the folder as it stands', async () => {
        const { host, artifact, see } = await opened()
        const it = await artifact({ 'a.txt': 'a' })
        await host.put(under(), { from: it.path, to: 'a.tgz', sha256: it.sha256 })
        await host.unpack(under(), { archive: 'a.tgz', to: 'software/a', sha256: it.sha256 })
        await host.write(under(), { to: 'software/a/cache', content: 'made at run time', mode: 0o644 })
        await host.unpack(under(), { archive: 'a.tgz', to: 'software/a', sha256: it.sha256 })
        expect(await content(see, 'software/a/cache')).toBe('made at run time')
        const other = await artifact({ 'b.txt': 'b' })
        await host.put(under(), { from: other.path, to: 'b.tgz', sha256: other.sha256 })
        await host.unpack(under(), { archive: 'b.tgz', to: 'software/a', sha256: other.sha256 })
        expect(await exists(see, 'software/a/cache')).toBe(false)
        expect(await content(see, 'software/a/b.txt')).toBe('b')
      })

      test('a corrupted artifact is refused, with what was expected and found, and nothing is left', async () => {
        const { host, artifact, see } = await opened()
        const it = await artifact({ 'a.txt': 'a' })
        const wrong = 'f'.repeat(64)
        const refused = await problemOf(host.put(under(), { from: it.path, to: 'in/a.tgz', sha256: wrong }))
        expect(refused).toMatchObject({ code: 'artifact-corrupted', facts: { expected: wrong, found: it.sha256 } })
        expect(await exists(see, 'in/a.tgz')).toBe(false)
        await host.put(under(), { from: it.path, to: 'in/a.tgz', sha256: it.sha256 })
        expect(await problemOf(host.unpack(under(), { archive: 'in/a.tgz', to: 'software/a', sha256: wrong }))).toMatchObject({
          code: 'artifact-corrupted',
        })
        await host.write(under(), { to: 'in/half.tgz', content: 'no archive', mode: 0o644 })
        const { stdout } = await runCommand(['sha256sum', see('in/half.tgz')])
        expect(
          await problemOf(host.unpack(under(), { archive: 'in/half.tgz', to: 'software/a', sha256: stdout.split(' ')[0] as string })),
        ).toMatchObject({ code: 'archive-unreadable' })
        expect(await exists(see, 'software/a')).toBe(false)
        expect(await leftovers(see)).toEqual([])
      })

      test('a file is written with exactly the mode that was asked for', async () => {
        const { host, see } = await opened()
        await host.write(under(), { to: 'deep/in/a', content: 'grüße', mode: 0o640 })
        expect((await stat(see('deep/in/a'))).mode & 0o777).toBe(0o640)
        await host.write(under(), { to: 'deep/in/a', content: 'anew', mode: 0o777 })
        expect((await stat(see('deep/in/a'))).mode & 0o777).toBe(0o777)
        expect(await content(see, 'deep/in/a')).toBe('anew')
      })

      test.each(['../outside', 'a/../../outside', '/etc/outside', 'way/out/outside'])(
        '%s leads out of the host and is refused',
        async (path) => {
          const { host } = await opened()
          await host.write(under(), { to: 'a', content: '', mode: 0o644 })
          await run(host, under(), command('mkdir -p way && ln -sfn /tmp way/out', '.'))
          const refusals = [
            () => host.write(under(), { to: path, content: '', mode: 0o644 }),
            () => host.remove(under(), path),
            () => host.link(under(), { link: path, target: 'a' }),
            () => host.link(under(), { link: 'b', target: path }),
            () => host.ensure(under(), 'api', { ...service('true'), cwd: path }),
          ]
          for (const refusal of refusals) expect(await problemOf(refusal())).toMatchObject({ code: 'path-outside' })
        },
      )

      test.each(['.', 'journal.ndjson', 'fence', 'services/api/spec.json', 'jobs'])(
        "%s is the agent's own and is refused",
        async (path) => {
          const { host } = await opened()
          expect(await problemOf(host.write(under(), { to: path, content: '', mode: 0o644 }))).toMatchObject({ code: 'path-reserved' })
          expect(await problemOf(host.remove(under(), path))).toMatchObject({ code: 'path-reserved' })
        },
      )

      test('an archive whose entries lead out is refused as a whole', async () => {
        const { host, artifact, see } = await opened()
        const good = await artifact({ 'a.txt': 'a' })
        const evil = `${good.path}.evil.tgz`
        await runCommand([
          'tar',
          '--transform',
          's,^a,../../a,',
          '-P',
          '-czf',
          evil,
          '-C',
          '/',
          'etc/hostname',
          '--transform',
          's,etc,../../etc,',
        ])
        onTestFinished(() => rm(evil, { force: true }))
        const sha256 = (await runCommand(['sha256sum', evil])).stdout.split(' ')[0] as string
        await host.put(under(), { from: evil, to: 'evil.tgz', sha256 })
        expect(await problemOf(host.unpack(under(), { archive: 'evil.tgz', to: 'software/evil', sha256 }))).toMatchObject({
          code: 'archive-unreadable',
        })
        expect(await exists(see, 'software/evil')).toBe(false)
        expect(await leftovers(see)).toEqual([])
      })

      test('a full disk is named with what is free, nothing half-written is left, and the order works when there is room', async (context) => {
        const it = await openSmall()
        if ('skipped' in it) return context.skip(it.skipped)
        onTestFinished(() => it.close())
        const { host, see } = it
        await host.write(under(), { to: 'present', content: 'present', mode: 0o644 })
        const large = await it.artifact({ noise: noise(3_000_000) })
        const putting = under()
        const full = await problemOf(host.put(putting, { from: large.path, to: 'in/large.tgz', sha256: large.sha256 }))
        expect(full).toMatchObject({ code: 'disk-full', status: 507 })
        expect(full.facts).toMatchObject({ path: host.path('in/large.tgz') })
        expect(full.message).toMatch(/in\/large\.tgz could not be written, \d.* free/)
        expect(await exists(see, 'in/large.tgz')).toBe(false)
        expect(await leftovers(see)).toEqual([])

        // 700 KB of zeros are a small archive: it fits, what is in it does not, beside what fills the disk.
        const zeros = await it.artifact({ zeros: '0'.repeat(700_000) })
        await host.put(under(), { from: zeros.path, to: 'in/zeros.tgz', sha256: zeros.sha256 })
        await run(host, under(), command('mkdir data; head -c 500000 /dev/zero > data/ballast'))
        const unpacking = under()
        const unpack = () => host.unpack(unpacking, { archive: 'in/zeros.tgz', to: 'software/zeros', sha256: zeros.sha256 })
        expect(await problemOf(unpack())).toMatchObject({ code: 'disk-full' })
        expect(await exists(see, 'software/zeros')).toBe(false)
        expect(await leftovers(see)).toEqual([])

        // To the last byte; after some refusals even the journal can't take the next intent.
        await runCommand(['sh', '-c', `cat /dev/zero > ${see('data/rest')}`], { okCodes: [1] })
        for (let refusal = 0; refusal < 60; refusal++) {
          const refused = await problemOf(host.write(under(), { to: 'present', content: 'x'.repeat(10_000), mode: 0o644 }))
          expect(refused).toMatchObject({ code: 'disk-full' })
        }
        expect(await content(see, 'present')).toBe('present')
        expect(await leftovers(see)).toEqual([])
        await rm(see('data/rest'))
        await rm(see('data/ballast'))
        await unpack()
        expect((await stat(see('software/zeros/zeros'))).size).toBe(700_000)
      })
    })

    describe('jobs', () => {
      test('a job tells its output, its exit code and how long it took', async () => {
        const { host } = await opened()
        const { end, text } = await run(host, under(), command('echo out; echo err >&2; sleep 0.2; exit 3'))
        expect(text).toBe('out\nerr\n')
        expect(end).toMatchObject({ state: 'ended', exitCode: 3, timedOut: false, cancelled: false, outputBytes: 8 })
        const tookMs = took(end)
        expect(tookMs).toBeGreaterThanOrEqual(180)
        expect(tookMs).toBeLessThan(5_000)
      })

      test('a job sees what its order gives, PATH, HOME, LANG, TMPDIR, and nothing else of the server', async () => {
        const { host } = await opened()
        process.env['BELAY_TEST_SECRET'] = 'secret'
        onTestFinished(() => void delete process.env['BELAY_TEST_SECRET'])
        const { text } = await run(host, under(), { ...command('env | cut -d= -f1 | sort'), env: { GIVEN: 'a b "c"' } })
        const shellsOwn = ['OLDPWD', 'PWD', 'SHLVL', '_']
        expect(
          text
            .trim()
            .split('\n')
            .filter((variable) => !shellsOwn.includes(variable)),
        ).toEqual(['GIVEN', 'HOME', 'LANG', 'PATH', 'TMPDIR'])
        expect((await run(host, under(), command('node --version'))).text.trim()).toBe(process.version)
      })

      test('output comes while the job runs, and never with a torn character', async () => {
        const { host } = await opened()
        const pieces: { offset: number; text: string }[] = []
        const job = command(`printf 'gr\\303'; sleep 0.3; printf '\\274n \\342\\202'; sleep 0.3; printf '\\254\\n'`)
        const end = await host.run(under(), job, (piece) => pieces.push(piece))
        expect(end).toMatchObject({ exitCode: 0, outputBytes: 10 })
        expect(pieces.map((piece) => piece.text)).toEqual(['gr', 'ün ', '€\n'])
        expect(pieces.map((piece) => piece.offset)).toEqual([0, 2, 6])
      })

      test('whoever asks again with an offset gets the rest of the output', async () => {
        const { host } = await opened()
        const once = under()
        await run(host, once, command('echo one; echo two'))
        const rest: string[] = []
        await host.run(once, command('echo one; echo two'), (piece) => rest.push(piece.text), { fromOffset: 4 })
        expect(rest.join('')).toBe('two\n')
      })

      test('a job over its time limit is ended with all its processes', async () => {
        const { host } = await opened()
        const { end, text } = await run(host, under(), { ...command('sleep 61 & echo $!; sleep 62'), timeLimitMs: 300 })
        expect(end).toMatchObject({ state: 'ended', timedOut: true, cancelled: false })
        expect(took(end)).toBeLessThan(5_000)
        expect(lives(Number(text))).toBe(false)
      })

      test('a job that ignores SIGTERM is killed 5 seconds later', async () => {
        const { host } = await opened()
        const { end } = await run(host, under(), { ...command(`trap '' TERM; while :; do sleep 0.1; done`), timeLimitMs: 200 })
        expect(end).toMatchObject({ state: 'ended', timedOut: true, exitCode: 137 })
        expect(took(end)).toBeGreaterThan(5_000)
        expect(took(end)).toBeLessThan(12_000)
      })

      test('a cancelled job may say its last words', async () => {
        const { host, see } = await opened()
        const once = under()
        const job = run(host, once, command(`trap 'echo bye; exit 9' TERM; touch data/begun; while :; do sleep 0.05; done`))
        await eventually(() => exists(see, 'data/begun'), { withinMs })
        await host.cancel(under(), once.key)
        const { end, text } = await job
        expect(end).toMatchObject({ state: 'ended', cancelled: true, timedOut: false, exitCode: 9 })
        expect(text).toMatch(/bye\n$/)
        await host.cancel(under(), 'nobody')
      })

      test('a job can be cancelled from the moment it was ordered', async () => {
        const { host } = await opened()
        for (let delayMs = 0; delayMs < 10; delayMs++) {
          const once = under()
          const job = run(host, once, command('sleep 60'))
          await eventually(async () => (await host.journal(once.key)).length === 1, { withinMs, everyMs: 1 })
          await new Promise((resolve) => setTimeout(resolve, delayMs))
          await host.cancel(under(), once.key)
          expect((await job).end).toMatchObject({ state: 'ended', cancelled: true })
        }
      })

      test('who stops listening does not stop the job', async () => {
        const { host, see } = await opened()
        const once = under()
        const leaving = new AbortController()
        const job = command('touch data/begun; sleep 0.5; echo done')
        const first = host.run(once, job, () => {}, { signal: leaving.signal })
        await eventually(() => exists(see, 'data/begun'), { withinMs })
        leaving.abort(new Error('gone'))
        await expect(first).rejects.toThrow('gone')
        expect((await run(host, once, job)).text).toBe('done\n')
      })

      test('output over its bound is cut, says so, and still shows its end', async () => {
        const { host } = await opened()
        const { end, text } = await run(host, under(), command('seq 1 400000; echo the reason'))
        const ended = end as Extract<JobEnd, { state: 'ended' }>
        expect(ended.exitCode).toBe(0)
        expect(ended.outputBytes).toBeLessThanOrEqual(1024 * 1024)
        expect(text.startsWith('1\n2\n3\n')).toBe(true)
        expect(text).toContain('[the output is cut here')
        expect(text.endsWith('\nthe reason\n')).toBe(true)
      })

      test('what a job leaves in the background does not keep it from ending', async () => {
        const { host } = await opened()
        const { end, text } = await run(host, under(), command('sleep 30 & echo $!'))
        process.kill(Number(text))
        expect(end).toMatchObject({ state: 'ended', exitCode: 0 })
        expect(took(end)).toBeLessThan(5_000)
      })

      test('a job whose folder is missing is refused, and may be given again', async () => {
        const { host } = await opened()
        const once = under()
        expect(await problemOf(host.run(once, command('true', 'later'), () => {}))).toMatchObject({ code: 'path-missing' })
        await host.write(under(), { to: 'later/a', content: '', mode: 0o644 })
        expect((await run(host, once, command('cat a', 'later'))).end).toMatchObject({ exitCode: 0 })
      })

      test('the end of a job is learnt although the agent was killed while it ran', async (context) => {
        const { host, killAgent, see } = await withKill(context)
        const once = under()
        const job = run(host, once, command('for i in 1 2 3 4 5 6 7 8; do echo $i; echo x >> data/count; sleep 0.1; done; exit 5'))
        await eventually(() => exists(see, 'data/count'), { withinMs })
        await killAgent()
        const { end, text } = await job
        expect(end).toMatchObject({ state: 'ended', exitCode: 5 })
        expect(text).toBe('1\n2\n3\n4\n5\n6\n7\n8\n')
        expect(await content(see, 'data/count')).toBe('x\n'.repeat(8))
        expect((await host.journal(once.key))[0]).toMatchObject({ result: { exitCode: 5 } })
      })

      test('the time limit of a job goes on over the death of the agent', async (context) => {
        const { host, killAgent, see } = await withKill(context)
        const job = run(host, under(), { ...command('touch data/begun; sleep 60'), timeLimitMs: 1_500 })
        await eventually(() => exists(see, 'data/begun'), { withinMs })
        await killAgent()
        const { end } = await job
        expect(end).toMatchObject({ state: 'ended', timedOut: true })
        expect(took(end)).toBeLessThan(10_000)
      })

      test('a job that was killed together with the agent is lost, and says so whenever it is asked for', async (context) => {
        const { host, killAgent, see } = await withKill(context)
        const once = under()
        const work = command('ps -o pgid= -p $$ > data/group; echo x >> data/count; sleep 60')
        const job = run(host, once, work)
        const group = await eventually(async () => Number(await content(see, 'data/group')), { withinMs })
        await eventually(() => exists(see, 'data/count'), { withinMs })
        await killAgent([group])
        expect((await job).end).toMatchObject({ state: 'lost', because: expect.stringContaining('killed from outside') })
        expect((await run(host, once, work)).end).toMatchObject({ state: 'lost' })
        expect(await content(see, 'data/count')).toBe('x\n')
      })
    })

    describe('services', () => {
      test('a service is started, found running, restarted when its spec differs or when asked, and halted', async () => {
        const { host } = await opened()
        const spec = service('exec sleep 60', { label: 'v1' })
        const first = await host.ensure(under(), 'api', spec)
        expect(first.started).toBe(true)
        expect(await host.services()).toMatchObject([
          { service: 'api', label: 'v1', state: 'running', pid: first.pid, restarts: 0, because: null },
        ])
        expect(await host.ensure(under(), 'api', spec)).toEqual({ ...first, started: false })
        const changed = await host.ensure(under(), 'api', { ...spec, label: 'v2' })
        expect(changed.pid).not.toBe(first.pid)
        expect(lives(first.pid)).toBe(false)
        const anew = await host.ensure(under(), 'api', { ...spec, label: 'v2' }, { anew: true })
        expect(anew).toMatchObject({ started: true })
        expect(anew.pid).not.toBe(changed.pid)
        await host.halt(under(), 'api')
        expect(lives(anew.pid)).toBe(false)
        expect(await host.services()).toMatchObject([{ service: 'api', state: 'stopped', pid: null, because: null }])
        await host.halt(under(), 'api')
        await host.halt(under(), 'never-seen')
      })

      test('a restart for a key happens once', async () => {
        const { host } = await opened()
        const spec = service('exec sleep 60')
        await host.ensure(under(), 'api', spec)
        const restart = under()
        const first = await host.ensure(restart, 'api', spec, { anew: true })
        expect(await host.ensure(restart, 'api', spec, { anew: true })).toEqual(first)
        expect((await host.services())[0]?.pid).toBe(first.pid)
      })

      test('a service that ends at once is refused with its exit code and its last lines, and is not tried again', async () => {
        const { host } = await opened()
        const refused = await problemOf(host.ensure(under(), 'api', service('echo reading config; echo no database >&2; exit 7')))
        expect(refused).toMatchObject({ code: 'service-exits', facts: { lastLines: ['reading config', 'no database'] } })
        expect(refused.message).toContain('ended with exit code 7')
        expect(await host.services()).toMatchObject([{ state: 'failing', because: expect.stringContaining('exit code 7') }])
      })

      test('a service that crashes is started again, ever more slowly, and its reason is shown', async () => {
        const { host, see } = await opened()
        await host.ensure(under(), 'api', service('echo $$ >> data/starts; sleep 0.1; echo out of memory; exit 1'))
        const failing = await eventually(async () => (await host.services()).find((it) => it.state === 'failing'), { withinMs })
        expect(failing.because).toBe('ended with exit code 1; it logged last: out of memory')
        await eventually(async () => (await content(see, 'data/starts')).trim().split('\n').length >= 3, { withinMs, what: 'three starts' })
        const starts = (await content(see, 'data/starts')).trim().split('\n').length
        const restarts = (await host.services())[0]?.restarts ?? 0
        expect([starts - 1, starts]).toContain(restarts)
        await host.halt(under(), 'api')
        expect((await host.services())[0]?.state).toBe('stopped')
      })

      test('a service is ended with all its processes: SIGTERM first, SIGKILL when its time is over', async () => {
        const { host, see } = await opened()
        const stubborn = `trap 'echo heard' TERM; sleep 63 & echo $! > data/child; while :; do sleep 0.1; done`
        const { pid } = await host.ensure(under(), 'api', service(stubborn, { stopMs: 400 }))
        const child = Number(await eventually(() => content(see, 'data/child'), { withinMs }))
        const beganMs = performance.now()
        await host.halt(under(), 'api')
        expect(performance.now() - beganMs).toBeGreaterThan(350)
        expect([lives(pid), lives(child)]).toEqual([false, false])
        expect(await tail(host, 'api')).toContain('heard')
      })

      test('a port that somebody else holds is named, with who holds it, before anything is stopped', async () => {
        const { host } = await opened()
        const stranger = createServer()
        await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve))
        onTestFinished(() => void stranger.close())
        const { port } = stranger.address() as { port: number }
        const running = await host.ensure(under(), 'api', service('exec sleep 60'))
        const refused = await problemOf(host.ensure(under(), 'api', service('exec sleep 60', { port })))
        expect(refused).toMatchObject({ code: 'port-taken', facts: { port, pid: process.pid } })
        expect(refused.message).toContain(`Port ${port} of api is taken by process ${process.pid}`)
        expect((await host.services())[0]).toMatchObject({ state: 'running', pid: running.pid })
      })

      test('the port of a service that is restarted is free again before the new one starts', async () => {
        const { host } = await opened()
        const port = await freePort()
        const listener = `exec node -e "require('node:http').createServer((_, a) => a.end(process.env.SAYS)).listen(${port}, '127.0.0.1')"`
        const spec = (says: string): ServiceSpec => ({ ...service(listener, { port }), env: { SAYS: says } })
        const url = `http://127.0.0.1:${port}/`
        for (const says of ['one', 'two', 'three']) {
          await host.ensure(under(), 'api', spec(says))
          await eventually(async () => (await host.probe({ kind: 'http', url, contains: says, timeoutMs: 500 })).ok, { withinMs })
        }
        expect((await host.services())[0]).toMatchObject({ state: 'running', restarts: 0 })
        expect(await host.probe({ kind: 'tcp', address: '127.0.0.1', port, timeoutMs: 500 })).toMatchObject({ ok: true })
        expect(await host.probe({ kind: 'http', url, contains: 'four', timeoutMs: 500 })).toEqual({
          ok: false,
          says: `${url} answered 200, but without "four": three`,
        })
        await host.halt(under(), 'api')
        expect(await host.probe({ kind: 'http', url, timeoutMs: 500 })).toMatchObject({
          ok: false,
          says: expect.stringContaining('ECONNREFUSED'),
        })
      })

      test('a log is kept within its bound, and a follower misses nothing of it', async () => {
        const { host, see } = await opened()
        const bytesMax = 20_000
        const until = new AbortController()
        onTestFinished(() => until.abort())
        const heard: string[] = []
        const following = (async () => {
          for await (const line of host.logs('api', { lines: 0, follow: true, signal: until.signal })) heard.push(line)
        })()
        const counting =
          'i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo "line $i of many"; [ $((i % 100)) = 0 ] && sleep 0.1; done; exec sleep 60'
        await host.ensure(under(), 'api', service(counting, { logBytesMax: bytesMax }))
        await eventually(() => heard.at(-1) === 'line 3000 of many', { withinMs: 30_000, what: 'the last line' })
        expect(heard).toEqual(Array.from({ length: 3_000 }, (_, index) => `line ${index + 1} of many`))
        until.abort()
        await following
        await eventually(async () => (await logBytes(see, 'api')) <= 2 * bytesMax, { withinMs })
        expect(await tail(host, 'api', 3)).toEqual(['line 2998 of many', 'line 2999 of many', 'line 3000 of many'])
        expect(await tail(host, 'nobody')).toEqual([])
      })

      test('services outlive a killed agent, and the next one looks after them', async (context) => {
        const { host, killAgent } = await withKill(context)
        const { pid } = await host.ensure(under(), 'api', service('while :; do echo tick; sleep 0.1; done'))
        const before = (await tail(host, 'api', 10_000)).length
        await killAgent()
        expect(lives(pid)).toBe(true)
        expect((await host.services())[0]).toMatchObject({ state: 'running', pid, restarts: 0 })
        await eventually(async () => (await tail(host, 'api', 10_000)).length > before + 3, { withinMs })
        process.kill(-pid, 'SIGKILL')
        const again = await eventually(async () => (await host.services()).find((it) => it.state === 'running' && it.pid !== pid), {
          withinMs,
        })
        expect(again.restarts).toBe(1)
        expect(await host.ensure(under(), 'api', service('while :; do echo tick; sleep 0.1; done'))).toMatchObject({ started: false })
      })

      test('a service that died together with the agent is started again; a halted one is not', async (context) => {
        const { host, killAgent } = await withKill(context)
        const { pid } = await host.ensure(under(), 'api', service('exec sleep 60'))
        await host.ensure(under(), 'worker', service('exec sleep 60'))
        await host.halt(under(), 'worker')
        await killAgent([pid])
        const again = await eventually(async () => (await host.services()).find((it) => it.state === 'running'), { withinMs })
        expect(again).toMatchObject({ service: 'api', restarts: 1 })
        expect(again.pid).not.toBe(pid)
        expect((await host.services()).find((it) => it.service === 'worker')).toMatchObject({ state: 'stopped' })
      })
    })
  })
}

const command = (shell: string, cwd = '.'): HostJob => ({ shell, cwd, env: {}, timeLimitMs: 30_000 })
const service = (shell: string, more: Partial<ServiceSpec> = {}): ServiceSpec => ({ shell, cwd: '.', env: {}, ...more })

async function run(host: Host, under: Under, job: HostJob): Promise<{ end: JobEnd; text: string }> {
  let text = ''
  const end = await host.run(under, job, (piece) => {
    text += piece.text
  })
  return { end, text }
}

async function problemOf(refused: Promise<unknown>): Promise<Problem> {
  try {
    await refused
  } catch (error) {
    if (error instanceof Problem) return error
    throw error
  }
  throw new Error('nothing was refused')
}

function took(end: JobEnd): number {
  if (end.state !== 'ended') throw new Error(`the job is ${end.state}`)
  return end.endedAt - end.startedAt
}

async function tail(host: Host, service: string, lines = 100): Promise<string[]> {
  const told: string[] = []
  for await (const line of host.logs(service, { lines, follow: false, signal: AbortSignal.timeout(withinMs) })) told.push(line)
  return told
}

/** Random letters: they do not shrink when they are packed. */
function noise(length: number): string {
  return Array.from({ length }, () => String.fromCharCode(33 + Math.floor(Math.random() * 90))).join('')
}

type See = OpenedHost['see']
const content = (see: See, path: string) => readFile(see(path), 'utf8')
const exists = (see: See, path: string) =>
  stat(see(path)).then(
    () => true,
    () => false,
  )
/** What is half-written waits there. */
const leftovers = (see: See) => readdir(see('.tmp')).catch(() => [])

async function logBytes(see: See, service: string): Promise<number> {
  const sizes = ['log', 'log.1'].map((file) =>
    stat(see(`services/${service}/${file}`)).then(
      (it) => it.size,
      () => 0,
    ),
  )
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
}

/** A zombie, ended but not yet collected by its parent, does not live. */
function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !/\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}
