/** The program itself, as a shell sees it; only what needs no server. */
import { execFile, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const program = fileURLToPath(new URL('./belay.mjs', import.meta.url))
let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'belay-cli-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function belay(args: readonly string[], options: { cwd?: string; env?: Record<string, string> } = {}) {
  const { BELAY_URL: _, BELAY_TOKEN: __, BELAY_HOME: ___, ...env } = process.env
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd: options.cwd ?? folder,
    env: { ...env, NO_COLOR: '1', ...options.env },
    encoding: 'utf8',
    input: '',
  })
  return { status, stdout, stderr }
}
const newFolder = (name: string): string => {
  const path = join(folder, name)
  mkdirSync(path)
  return path
}

describe('exit codes and sentences', () => {
  const cases: readonly [args: string[], status: number, says: RegExp][] = [
    [[], 0, /Usage: belay COMMAND/],
    [['--help'], 0, /Exit codes:/],
    [['--version'], 0, /^\d+\.\d+\.\d+/],
    [['deploy', '--help'], 0, /belay deploy production v2 --plan/],
    [['deplyo', 'production', 'v2'], 2, /Unknown command 'deplyo'\n\(Did you mean deploy\?\)/],
    [['release', 'ctu'], 2, /Did you mean cut\?/],
    [['release'], 2, /Usage: belay release/],
    [['deploy', 'production'], 2, /Missing required argument 'release'/],
    [['deploy', 'production', 'v2', '--forc'], 2, /Did you mean --force\?/],
    [['sandbox', 'create', '--ttl', 'soon'], 2, /Write for example 30s, 5m, 2h or 1d/],
    [['flag', 'on', 'x', '--version', 'one'], 2, /Write a whole number/],
    [['flag', 'create', 'x', '--variant', 'on'], 2, /Write name=value/],
    [['flag', 'create', 'x', '--variant', 'a=1', '--variant', 'b=text'], 2, /a is a number and b a string/],
    [['flag', 'ring', 'x', 'staff', '101%'], 2, /from 0 to 100%/],
    [['flag', 'kill', 'x'], 2, /Required option '--reason <text>' not specified/],
    [['ring', 'add', 'berlin'], 2, /Say where it stands: --after RING/],
    [['segment', 'create', 'x'], 2, /either --rule RULE or --keys FILE/],
    [['segment', 'create', 'x', '--rule', '{"a":'], 1, /The rule is not JSON/],
    [['segment', 'create', 'x', '--keys', 'nowhere.txt'], 1, /nowhere\.txt cannot be read: there is no such file/],
    [['completion', 'tcsh'], 2, /Allowed choices are bash, zsh, fish/],
    [['now'], 1, /There is no belay\.yaml .* belay init/],
    [['check'], 1, /There is no belay\.yaml .* belay init/],
    [['check', 'nowhere.yaml'], 1, /nowhere\.yaml cannot be read: there is no such file/],
    [['now', '--url', 'http://127.0.0.1:9'], 1, /No Belay server answers at http:\/\/127\.0\.0\.1:9/],
  ]
  test.each(cases)('belay %j ends with %i', (args, status, says) => {
    const result = belay(args)
    expect(`${result.stdout}${result.stderr}`).toMatch(says)
    expect(result.status).toBe(status)
    expect(result.stderr).not.toMatch(/at .*\.ts:\d+/)
    if (status !== 0) expect(result.stdout).toBe('')
  })

  test('with --json a refusal is one document on stdout and nothing else anywhere', () => {
    for (const [args, code] of [
      [['now', '--json'], 'no-cloud'],
      [['--json', 'now'], 'no-cloud'],
      [['release', '--json', 'ls'], 'no-cloud'],
      [['flag', 'split', 'x', 'a=0.5', '--json'], 'usage'],
      [['deploy', '--json'], 'usage'],
      [['deplyo', '--json'], 'usage'],
      [['now', '--json', '--url', 'http://127.0.0.1:9'], 'unreachable'],
    ] as const) {
      const result = belay(args)
      expect(JSON.parse(result.stdout)).toMatchObject({
        schemaVersion: 1,
        error: { code, message: expect.stringMatching(/^[A-Z]/), facts: {} },
      })
      expect(result.stderr).toBe('')
      expect(result.status).not.toBe(0)
    }
  })

  test('DEBUG=belay shows where a problem came from', () => {
    expect(belay(['now'], { env: { DEBUG: 'belay' } }).stderr).toMatch(/at .*place\.ts:\d+/)
  })
})

describe('a server that refuses', () => {
  const refusals: readonly [status: number, code: string, exit: number][] = [
    [401, 'not-signed-in', 4],
    [403, 'not-allowed', 1],
    [409, 'busy', 1],
    [500, 'internal', 1],
  ]
  test.each(refusals)('with %i ends the command with its sentence', async (status, code, exit) => {
    const server = createServer((_, response) => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ error: { code, message: 'The sentence.', facts: { why: 1 } } }))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    try {
      const run = async (...args: string[]) =>
        promisify(execFile)(process.execPath, [program, 'now', '--url', url, ...args], { cwd: folder }).then(
          () => ({ code: 0, stdout: '', stderr: '' }),
          (error: { code: number; stdout: string; stderr: string }) => error,
        )
      const plain = await run()
      expect(plain).toMatchObject({ code: exit, stdout: '' })
      expect(plain.stderr).toMatch(status === 401 ? /^The sentence\.\nHere: set BELAY_TOKEN/ : /^The sentence\.\n$/)
      const json = await run('--json')
      expect(JSON.parse(json.stdout)).toEqual({ schemaVersion: 1, error: { code, message: 'The sentence.', facts: { why: 1 } } })
    } finally {
      server.close()
    }
  })
})

describe('belay init', () => {
  test('writes a file that belay check likes, prints the next command, and does not write over it', () => {
    const cwd = newFolder('shop')
    writeFileSync(join(cwd, 'package.json'), JSON.stringify({ name: 'shop', scripts: { start: 'node server.js' } }))
    writeFileSync(join(cwd, 'server.js'), 'listen(process.env.PORT || 4200)')
    const first = belay(['init', '--yes'], { cwd })
    expect(first).toMatchObject({ status: 0, stderr: '' })
    expect(first.stdout).toContain('belay up')
    expect(readFileSync(join(cwd, 'belay.yaml'), 'utf8')).toMatch(/run: node server\.js\n +port: 4200/)
    expect(JSON.parse(readFileSync(join(cwd, 'belay.schema.json'), 'utf8'))).toHaveProperty('properties.deploy')
    expect(belay(['check'], { cwd })).toMatchObject({ status: 0, stdout: expect.stringContaining('belay.yaml is good') })
    expect(belay(['init', '--yes'], { cwd })).toMatchObject({ status: 1, stderr: expect.stringContaining('belay init --force') })
    expect(JSON.parse(belay(['init', '--name', 'till', '--force', '--json'], { cwd }).stdout)).toMatchObject({
      schemaVersion: 1,
      wrote: ['belay.yaml', 'belay.schema.json'],
    })
    expect(readFileSync(join(cwd, 'belay.yaml'), 'utf8')).toContain('cloud: till')
  })
})

describe('belay check', () => {
  test('prints all problems as file:line:column and ends with 1', () => {
    const cwd = newFolder('broken')
    writeFileSync(join(cwd, 'belay.yaml'), 'cloud: Shop\nservices: { web: { run: x, prot: 1 } }\nenvironments: {}\ndeploy: []\n')
    const result = belay(['check'], { cwd })
    expect(result.status).toBe(1)
    expect(result.stdout.trim().split('\n')).toEqual([
      expect.stringMatching(/^belay\.yaml:1:8: cloud: "Shop" is not a name/),
      expect.stringMatching(/^belay\.yaml:2:28: services\.web\.prot: is not known here; did you mean port\?/),
      expect.stringMatching(/^belay\.yaml:3:1: environments: needs at least one environment/),
      expect.stringMatching(/^belay\.yaml:4:1: deploy: needs at least one entry/),
    ])
    const document = JSON.parse(belay(['check', '--json'], { cwd }).stdout)
    expect(document).toMatchObject({ schemaVersion: 1, ok: false, error: { code: 'cloud-file-problems' } })
    expect(document.problems[1]).toEqual({
      file: 'belay.yaml',
      line: 2,
      column: 28,
      field: 'services.web.prot',
      message: 'is not known here; did you mean port?',
    })
  })
})

describe('belay doctor', () => {
  test('looks at everything, without a server and without belay.yaml, and names what mends each lack', () => {
    const { stdout } = belay(['doctor', '--json'])
    const { findings } = JSON.parse(stdout) as { findings: { what: string; state: string; says: string; mend: string | null }[] }
    expect(findings.map(({ what }) => what)).toEqual([
      'node',
      'git',
      'disk',
      'belay.yaml',
      'server',
      'port',
      'cells',
      'ssh',
      'chromium',
      'postgres',
    ])
    expect(findings.find(({ what }) => what === 'belay.yaml')).toMatchObject({ state: 'optional', mend: 'belay init' })
    for (const { says, state, mend } of findings) {
      expect(says).not.toBe('')
      if (state === 'missing') expect(mend).not.toBeNull()
    }
  })

  test('says when the database cannot be reached', () => {
    const { stdout, status } = belay(['doctor', '--json'], { env: { DATABASE_URL: 'postgres://127.0.0.1:9/x' } })
    expect(JSON.parse(stdout).findings.at(-1)).toMatchObject({ state: 'missing', mend: 'pg_isready -h 127.0.0.1 -p 9' })
    expect(status).toBe(1)
  })
})

test('a completion script is shell that its shell accepts', () => {
  const { stdout } = belay(['completion', 'bash'])
  const file = join(folder, 'belay.bash')
  writeFileSync(file, stdout)
  const asked = spawnSync('bash', ['-c', `source ${file}; COMP_WORDS=(belay release c); COMP_CWORD=2; _belay; echo "\${COMPREPLY[@]}"`], {
    encoding: 'utf8',
  })
  expect(asked).toMatchObject({ status: 0, stderr: '', stdout: 'cut\n' })
})

test.skipIf(!existsSync('/usr/bin/node'))('an older Node starts the one that the project brings along', () => {
  const result = spawnSync('/usr/bin/node', [program, '--version'], { encoding: 'utf8' })
  expect(result).toMatchObject({ status: 0, stdout: '0.1.0\n', stderr: '' })
})
