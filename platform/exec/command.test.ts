import { readFileSync } from 'node:fs'
import { eventually, temporaryFolder } from '@belay/testkit'
import { describe, expect, test } from 'vitest'
import { runCommand, streamCommand } from './command.ts'

describe('a command', () => {
  test('tells its output, without the last newline', async () => {
    expect(await runCommand(['printf', 'a\nb\n'])).toMatchObject({ exitCode: 0, stdout: 'a\nb', stderr: '' })
  })

  test('gets its arguments as they are: no shell reads them', async () => {
    expect((await runCommand(['printf', '%s', '$(id); *'])).stdout).toBe('$(id); *')
  })

  test('that fails is told with its exit code and its last lines', async () => {
    const failing = runCommand(['sh', '-c', 'seq 1 30 >&2; exit 3'])
    await expect(failing).rejects.toMatchObject({ code: 'command-failed', facts: { exitCode: 3 } })
    const { message } = (await failing.catch((error: unknown) => error)) as Error
    expect(message).toMatch(/ended with exit code 3\. It said last:\n11\n12\n/)
    expect(message.endsWith('\n30')).toBe(true)
  })

  test('may answer by its exit code', async () => {
    expect(await runCommand(['sh', '-c', 'exit 1'], { okCodes: [1] })).toMatchObject({ exitCode: 1 })
  })

  test('that is not installed is told as that', async () => {
    await expect(runCommand(['belay-no-such-program'])).rejects.toMatchObject({
      code: 'command-not-found',
      message: expect.stringContaining('Is belay-no-such-program installed?'),
    })
  })

  test('is ended when its time is over, with all that it started', async () => {
    await using folder = await temporaryFolder()
    const child = `${folder.path}/child`
    const late = runCommand(['sh', '-c', `sleep 64 & echo $! > ${child}; wait`], { timeLimitMs: 300 })
    await expect(late).rejects.toMatchObject({ code: 'command-timed-out' })
    const pid = Number(readFileSync(child, 'utf8'))
    await eventually(() => !lives(pid), { withinMs: 5_000, what: 'the child to end' })
  })

  test('is ended by its signal, whose reason is what is thrown', async () => {
    const stop = new AbortController()
    const stopped = runCommand(['sleep', '60'], { signal: stop.signal })
    stop.abort(new Error('not needed any more'))
    await expect(stopped).rejects.toThrow('not needed any more')
    await expect(runCommand(['sleep', '60'], { signal: stop.signal })).rejects.toThrow('not needed any more')
  })

  test('that prints more than is kept is ended and told so', async () => {
    await expect(runCommand(['yes'], { outputBytesMax: 10_000 })).rejects.toMatchObject({ code: 'command-output-too-large' })
  })

  test('gets what is put in, and only the environment that it is given', async () => {
    expect((await runCommand(['cat'], { input: 'in' })).stdout).toBe('in')
    const { stdout } = await runCommand(['/usr/bin/env'], { env: { A: '1' }, onlyEnv: true })
    expect(stdout).toBe('A=1')
  })

  test('hands out its lines while it runs, those of both streams whole', async () => {
    const lines: string[] = []
    const ended = await streamCommand(['sh', '-c', 'printf a; echo x >&2; echo b; printf "grün"'], { onLine: (line) => lines.push(line) })
    expect(ended.exitCode).toBe(0)
    expect(lines.sort()).toEqual(['ab', 'grün', 'x'])
    const failing = streamCommand(['sh', '-c', 'echo one; echo two; exit 4'], { onLine: () => {} })
    await expect(failing).rejects.toMatchObject({ code: 'command-failed', facts: { exitCode: 4, lastLines: ['one', 'two'] } })
  })
})

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !/\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}
