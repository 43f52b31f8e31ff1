/** The set-up in a small folder of its own, with an npm that the test wrote. */
import { spawn } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { temporaryFolder } from '@belay/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'

const root = join(import.meta.dirname, '..', '..')

type Place = { readonly path: string; readonly write: (file: string, content: string) => void; readonly npmCalls: () => number }

/** A folder with what the set-up looks at. Its `npm ci` installs a Node (this one) and a vite that writes one file. */
async function freshClone(): Promise<Place> {
  const folder = await temporaryFolder()
  onTestFinished(() => folder[Symbol.asyncDispose]())
  const write = (file: string, content: string) => {
    mkdirSync(join(folder.path, file, '..'), { recursive: true })
    writeFileSync(join(folder.path, file), content)
  }
  mkdirSync(join(folder.path, 'tools'))
  cpSync(join(root, 'tools/setup.mjs'), join(folder.path, 'tools/setup.mjs'))
  write('package-lock.json', JSON.stringify({ packages: { '': {}, 'node_modules/one': { version: '1.0.0' } } }))
  for (const source of ['apps/web/index.html', 'sdk/protocol/index.ts', 'platform/base/index.ts']) write(source, 'source')
  write(
    'template/vite/bin/vite.js',
    "import { mkdirSync, writeFileSync } from 'node:fs'; mkdirSync('apps/web/dist', { recursive: true }); writeFileSync('apps/web/dist/index.html', 'built')",
  )
  write('template/package.json', '{"type":"module"}')
  mkdirSync(join(folder.path, 'template/.bin'))
  symlinkSync(process.execPath, join(folder.path, 'template/.bin/node'))
  writeNpm(
    folder.path,
    'echo chatter; rm -rf node_modules; sleep 0.2; cp -a template node_modules; cp package-lock.json node_modules/.package-lock.json',
  )
  return {
    path: folder.path,
    write,
    npmCalls: () => (existsSync(join(folder.path, 'npm-calls')) ? readFileSync(join(folder.path, 'npm-calls'), 'utf8').length : 0),
  }
}

function writeNpm(folder: string, script: string): void {
  mkdirSync(join(folder, 'bin'), { recursive: true })
  writeFileSync(join(folder, 'bin/npm'), `#!/bin/sh\nprintf x >> npm-calls\n${script}\n`)
  chmodSync(join(folder, 'bin/npm'), 0o755)
}

type Ended = { readonly code: number | null; readonly stdout: string; readonly stderr: string; readonly ms: number }

function setUp(
  place: Place,
  { path = [join(place.path, 'bin'), process.env['PATH']].join(delimiter), killWhen = '', nodeArgs = [] as string[] } = {},
): Promise<Ended> {
  const startMs = performance.now()
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...nodeArgs, join(place.path, 'tools/setup.mjs')], {
      cwd: place.path,
      env: { ...process.env, PATH: path },
      detached: true,
    })
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (chunk) => (stdout += String(chunk)))
    child.stderr.on('data', (chunk) => (stderr += String(chunk)))
    if (killWhen !== '') {
      const look = setInterval(() => {
        if (!existsSync(join(place.path, killWhen))) return
        clearInterval(look)
        process.kill(-(child.pid as number), 'SIGKILL') // The whole group, npm too: as when the machine stops.
      }, 10)
    }
    child.once('close', (code) => resolve({ code, stdout, stderr, ms: performance.now() - startMs }))
  })
}

const built = (place: Place) => existsSync(join(place.path, 'apps/web/dist/index.html'))

describe('the set-up', () => {
  test('installs, builds the page and says so on stderr alone', async () => {
    const place = await freshClone()
    const { code, stdout, stderr } = await setUp(place)
    expect(code, stderr).toBe(0)
    expect(stdout).toBe('')
    expect(stderr).toMatch(/installing packages[^]*building the page/)
    expect(built(place)).toBe(true)
  })

  test('does nothing the second time, in less than half a second', async () => {
    const place = await freshClone()
    await setUp(place)
    const again = [await setUp(place), await setUp(place), await setUp(place)]
    for (const { code, stdout, stderr } of again) expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '', stderr: '' })
    // The quickest: the machine may be busy with other tests.
    expect(Math.min(...again.map(({ ms }) => ms))).toBeLessThan(500)
    expect(place.npmCalls()).toBe(1)
  })

  test('installs again when the lock file changed', async () => {
    const place = await freshClone()
    await setUp(place)
    place.write('package-lock.json', JSON.stringify({ packages: { '': {}, 'node_modules/one': { version: '2.0.0' } } }))
    expect((await setUp(place)).code).toBe(0)
    expect(place.npmCalls()).toBe(2)
  })

  test('leaves alone what somebody installed by hand from the same lock file', async () => {
    const place = await freshClone()
    await setUp(place)
    const lock = JSON.stringify({ packages: { '': {}, 'node_modules/one': { version: '2.0.0' } } })
    place.write('package-lock.json', lock)
    place.write('node_modules/.package-lock.json', lock)
    expect((await setUp(place)).code).toBe(0)
    expect(place.npmCalls()).toBe(1)
  })

  test('builds the page again when one of its sources changed, but not for a test', async () => {
    const place = await freshClone()
    await setUp(place)
    place.write('apps/web/page.test.ts', 'a test')
    expect((await setUp(place)).stderr).toBe('')
    place.write('sdk/protocol/index.ts', 'changed')
    const { stderr } = await setUp(place)
    expect(stderr).toContain('building the page')
    expect(stderr).not.toContain('installing')
  })

  test('takes up again after it was killed', async () => {
    const place = await freshClone()
    await setUp(place, { killWhen: 'npm-calls' })
    // Its lock is left behind; the heart of it stopped long ago.
    utimesSync(join(place.path, '.cache/setup.lock'), new Date(0), new Date(0))
    expect(await setUp(place)).toMatchObject({ code: 0, stdout: '' })
    expect(built(place)).toBe(true)
  })

  test('two at once install once', async () => {
    const place = await freshClone()
    const both = await Promise.all([setUp(place), setUp(place)])
    expect(both).toMatchObject([{ code: 0 }, { code: 0 }])
    expect(place.npmCalls()).toBe(1)
  })

  const failures: readonly [story: string, npm: string, sentence: RegExp][] = [
    [
      'no network is one sentence',
      'echo "npm error code EAI_AGAIN" >&2; exit 1',
      /^set-up: The npm registry cannot be reached \(EAI_AGAIN\)[^\n]*\n$/m,
    ],
    [
      'any other failure of npm is shown as npm told it',
      'echo "npm error code EINTEGRITY" >&2; exit 1',
      /npm ci failed:\nnpm error code EINTEGRITY/,
    ],
    [
      'an npm that skips install scripts is found out',
      'mkdir -p node_modules/.bin',
      /node_modules\/\.bin\/node should be Node 24 and is missing/,
    ],
  ]
  test.each(failures)('%s', async (_story, npm, sentence) => {
    const place = await freshClone()
    writeNpm(place.path, npm)
    const { code, stdout, stderr } = await setUp(place)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(sentence)
    // And it is tried again, not taken for done.
    await setUp(place)
    expect(place.npmCalls()).toBe(2)
  })

  test.each(['git', 'npm'])('a missing %s is one sentence', async (program) => {
    const place = await freshClone()
    const only = join(place.path, 'only')
    mkdirSync(only)
    const other = program === 'git' ? 'npm' : 'git'
    writeFileSync(join(only, other), '#!/bin/sh\n', { mode: 0o755 })
    const { code, stderr } = await setUp(place, { path: only })
    expect(code).toBe(1)
    expect(stderr).toMatch(new RegExp(`^set-up: Belay needs ${program}, [^\\n]*\\n$`))
  })

  test('a Node that is too old is one sentence', async () => {
    const place = await freshClone()
    const pretend = "data:text/javascript,Object.defineProperty(process.versions, 'node', { value: '18.20.4' })"
    const { code, stderr } = await setUp(place, { nodeArgs: ['--import', pretend] })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^set-up: Belay needs Node 20 or newer[^\n]*\n$/)
  })

  test("a page that cannot be built is an error that shows the tool's own words", async () => {
    const place = await freshClone()
    rmSync(join(place.path, 'template/vite/bin/vite.js'))
    place.write('template/vite/bin/vite.js', "process.stderr.write('cannot resolve ./gone.ts'); process.exit(1)")
    const { code, stderr } = await setUp(place)
    expect(code).toBe(1)
    expect(stderr).toContain('cannot resolve ./gone.ts')
  })
})

describe('npm in this repository', () => {
  test('prints nothing of its own on stdout, so that a script there may speak JSON', async () => {
    const folder = await temporaryFolder()
    onTestFinished(() => folder[Symbol.asyncDispose]())
    cpSync(join(root, '.npmrc'), join(folder.path, '.npmrc'))
    writeFileSync(
      join(folder.path, 'package.json'),
      JSON.stringify({ name: 'x', version: '1.0.0', scripts: { start: 'npm run -s inner --', inner: 'node say.cjs' } }),
    )
    writeFileSync(join(folder.path, 'say.cjs'), 'console.log(JSON.stringify(process.argv.slice(2)))')
    const stdout = await new Promise<string>((resolve) => {
      // Without what an npm that runs this test hands down: the .npmrc alone must do.
      const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith('npm_')))
      const child = spawn('npm', ['start', '--', '--once', '--json'], { cwd: folder.path, env, stdio: ['ignore', 'pipe', 'inherit'] })
      let said = ''
      child.stdout.on('data', (chunk) => (said += String(chunk)))
      child.once('close', () => resolve(said))
    })
    expect(JSON.parse(stdout)).toEqual(['--once', '--json'])
  })

  test('starts and tests through the set-up', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
    expect(scripts['start']).toMatch(/^node tools\/setup\.mjs && npm run -s \w+ --$/)
    expect(scripts['test']).toMatch(/^node tools\/setup\.mjs --tests && npm run -s \w+ --$/)
  })
})
