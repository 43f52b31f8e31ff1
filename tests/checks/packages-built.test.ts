/**
 * What is published is JavaScript, not what the other tests import. So the packages are built, unpacked as npm would,
 * and asked the evaluator's vectors and generated rules, in Node and in a browser: all builds must say what the source
 * says.
 */
import { execFile, execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { CallBatch } from '@belay/call-record'
import * as source from '@belay/flag-evaluator'
import * as nodeSource from '@belay/node'
import * as tcpSource from '@belay/tcp'
import { back, type Captured, pcap, tcpFrame } from '@belay/tcp/fixtures'
import { openChromium, type TemporaryFolder, temporaryFolder } from '@belay/testkit'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')

type Asked = {
  readonly vectors: {
    readonly hashes: readonly (readonly [string, number])[]
    readonly buckets: readonly (readonly [2 | 3, source.Json, number, number])[]
    readonly documents: Readonly<Record<string, source.FlagDocument>>
    readonly evaluations: readonly (readonly [document: string, key: string, context: source.EvaluationContext])[]
  }
  readonly generated: readonly (readonly [rule: source.JsonLogic, context: source.EvaluationContext])[]
}

/** Runs in Node and in the page from its own text: it may use nothing but what it is handed. */
function answers(kit: typeof source, { vectors, generated }: Asked): string {
  const flag = (targeting: source.JsonLogic) => ({ state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'off', targeting })
  return JSON.stringify({
    doors: Object.keys(kit).sort(),
    hashes: vectors.hashes.map(([text]) => kit.murmur3(text)),
    buckets: vectors.buckets.map(([version, hashed, total]) => kit.bucketOf(version, hashed, total)),
    evaluations: vectors.evaluations.map(([document, key, context]) =>
      kit.compileFlagSet(vectors.documents[document]).evaluate(key, context, 1_700_000_000_999),
    ),
    generated: generated.map(([rule, context]) => [
      kit.checkRule(rule),
      ...([2, 3] as const).map((bucketing) => kit.compileRule(rule, { bucketing, flagKey: 'flag' }).outcome(context, 0)),
      kit.compileFlagSet({ flags: { flag: flag(rule) } }).evaluateAll(context, 0),
    ]),
  })
}

const anyValue = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.string({ unit: 'binary' }),
  fc.constantFrom<unknown>('1.2.3', 'on', 12, -0.5, 1e20),
)
const { rule: anyRule } = fc.letrec<{ rule: unknown }>((tie) => ({
  rule: fc.oneof(
    { maxDepth: 4 },
    anyValue,
    fc.constantFrom('targetingKey', 'a', 'b.c').map((path) => ({ var: path })),
    fc
      .tuple(
        fc.constantFrom(
          'if',
          'and',
          'or',
          '!',
          '==',
          '===',
          '<',
          '<=',
          'in',
          'cat',
          'substr',
          '+',
          '*',
          'max',
          'map',
          'some',
          'merge',
          'missing',
          'fractional',
          'sem_ver',
          'starts_with',
        ),
        fc.array(tie('rule'), { maxLength: 3 }),
      )
      .map(([name, args]) => ({ [name]: args })),
    fc.tuple(tie('rule'), fc.nat(100), fc.nat(100)).map(([by, on, off]) => ({ fractional: [by, ['on', on], ['off', off]] })),
  ),
}))
const anyContext = fc.record(
  { targetingKey: fc.string({ unit: 'binary' }), a: anyValue, b: fc.record({ c: anyValue }) },
  { requiredKeys: [] },
)

const asked: Asked = {
  vectors: JSON.parse(readFileSync(join(root, 'sdk/flags/vectors.json'), 'utf8')) as Asked['vectors'],
  // Through JSON, as it reaches the others.
  generated: JSON.parse(JSON.stringify(fc.sample(fc.tuple(anyRule, anyContext), { numRuns: 500, seed: 20_260_801 }))) as Asked['generated'],
}

let folder: TemporaryFolder
const installed = (name: string) => join(folder.path, 'node_modules', name)

beforeAll(async () => {
  folder = await temporaryFolder()
  const rooms = ['sdk/flags', 'sdk/calls', 'sdk/node', 'sdk/tcp']
  const { stdout } = await promisify(execFile)(process.execPath, [
    join(root, 'tools/package.ts'),
    '--into',
    join(folder.path, 'packed'),
    ...rooms,
  ])
  for (const line of stdout.trim().split('\n')) {
    const { name, tarball } = JSON.parse(line) as { name: string; tarball: string }
    mkdirSync(installed(name), { recursive: true })
    execFileSync('tar', ['-xzf', tarball, '-C', installed(name), '--strip-components=1'])
  }
  // What a service would have beside them.
  mkdirSync(dirname(installed('@openfeature/x')), { recursive: true })
  for (const name of ['@openfeature/server-sdk', '@openfeature/core', 'isbot'])
    symlinkSync(join(root, 'node_modules', name), installed(name))
}, 120_000)

afterAll(() => folder[Symbol.asyncDispose]())

test('a package has built files, its README and a manifest, and depends on nothing of our workspaces', () => {
  const files = (name: string) =>
    execFileSync('find', ['.', '-type', 'f'], { cwd: installed(name), encoding: 'utf8' })
      .trim()
      .split('\n')
      .sort()
  const common = ['./README.md', './dist/index.d.ts', './dist/index.js', './package.json']
  const doors: Readonly<Record<string, readonly string[]>> = {
    '@belay/flag-evaluator': [],
    '@belay/call-record': [],
    '@belay/node': ['record'],
    '@belay/tcp': ['node', 'worker'],
  }
  for (const [name, others] of Object.entries(doors)) {
    // What several doors of a package use stands in files of its own, whose names have a hash.
    const found = files(name).filter((file) => !/^\.\/dist\/\w+-[\w-]{8}\.(d\.ts|js)$/.test(file))
    expect(found).toEqual([...common, ...others.flatMap((door) => [`./dist/${door}.d.ts`, `./dist/${door}.js`])].sort())
    const manifest = readFileSync(join(installed(name), 'package.json'), 'utf8')
    expect(manifest).not.toMatch(/"\*"|"private"|"devDependencies"|\.ts",?$/)
  }
  expect(readFileSync(join(installed('@belay/node'), 'dist/index.js'), 'utf8')).toContain('from "@belay/flag-evaluator"')
})

test('the evaluator built for Node says what its source says', async () => {
  const file = join(folder.path, 'ask.mjs')
  writeFileSync(join(folder.path, 'asked.json'), JSON.stringify(asked))
  writeFileSync(
    file,
    `import * as kit from '@belay/flag-evaluator'
import { readFileSync } from 'node:fs'
const answers = ${answers.toString()}
process.stdout.write(answers(kit, JSON.parse(readFileSync(new URL('asked.json', import.meta.url), 'utf8'))))`,
  )
  const { stdout } = await promisify(execFile)(process.execPath, [file], { maxBuffer: 64 * 1024 * 1024 })
  expect(JSON.parse(stdout)).toEqual(JSON.parse(answers(source, asked)))
})

test('in a browser too, in a page that forbids code made of text', async (context) => {
  const browser = await openChromium()
  if ('skipped' in browser) return context.skip(browser.skipped)
  try {
    const page = await browser.newPage()
    const served: Readonly<Record<string, readonly [type: string, text: string]>> = {
      '/': ['text/html', '<!doctype html><script type="module" src="/ask.js"></script>'],
      '/kit.js': ['text/javascript', readFileSync(join(installed('@belay/flag-evaluator'), 'dist/index.js'), 'utf8')],
      '/asked.json': ['application/json', JSON.stringify(asked)],
      '/ask.js': [
        'text/javascript',
        `import * as kit from '/kit.js'
const answers = ${answers.toString()}
globalThis.said = fetch('/asked.json').then((response) => response.json()).then((asked) => answers(kit, asked))`,
      ],
    }
    await page.route('**/*', (route) => {
      const found = served[new URL(route.request().url()).pathname]
      if (found === undefined) return route.fulfill({ status: 404 })
      const headers = {
        'content-type': `${found[0]}; charset=utf-8`,
        'content-security-policy': "default-src 'none'; script-src 'self'; connect-src 'self'",
      }
      return route.fulfill({ status: 200, headers, body: found[1] })
    })
    await page.goto('https://page.example/')
    const said = await page.evaluate(() => (globalThis as unknown as { said: Promise<string> }).said)
    expect(JSON.parse(said)).toEqual(JSON.parse(answers(source, asked)))
  } finally {
    await browser.close()
  }
})

test('the provider built for Node has the same door', async () => {
  const script = "import('@belay/node').then((door) => process.stdout.write(JSON.stringify(Object.keys(door).sort())))"
  writeFileSync(join(folder.path, 'door.mjs'), script)
  const { stdout } = await promisify(execFile)(process.execPath, [join(folder.path, 'door.mjs')])
  expect(JSON.parse(stdout)).toEqual(Object.keys(nodeSource).sort())
})

test('the recorder built for Node records, without the packages that only the provider needs', async () => {
  const batches: CallBatch[] = []
  await using server = await listening(async (request, response) => {
    const pieces: Buffer[] = []
    for await (const piece of request) pieces.push(piece as Buffer)
    if (request.method === 'POST') batches.push(JSON.parse(Buffer.concat(pieces).toString()) as CallBatch)
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ version: '1', methods: [], account: [], audiences: [], counted: true }))
  })
  await using alone = await temporaryFolder()
  cpSync(join(folder.path, 'node_modules/@belay'), join(alone.path, 'node_modules/@belay'), { recursive: true })
  symlinkSync(join(root, 'node_modules/isbot'), join(alone.path, 'node_modules/isbot'))
  writeFileSync(
    join(alone.path, 'app.mjs'),
    `import { createServer } from 'node:http'
import { describeCall } from '@belay/node/record'
const server = createServer((request, response) => {
  describeCall({ account: 'acme' })
  response.end('ok')
}).listen(0, '127.0.0.1', async () => {
  await fetch('http://127.0.0.1:' + server.address().port + '/items/42')
  server.close()
})`,
  )
  const env = { ...process.env, BELAY_URL: server.url, BELAY_KEY: 'bsk_test', BELAY_DATA: alone.path }
  await promisify(execFile)(process.execPath, ['--import', '@belay/node/record', 'app.mjs'], { cwd: alone.path, env })
  expect(batches).toMatchObject([{ service: 'app', names: { methods: ['GET /items/{id}'], accounts: ['acme'] }, calls: { status: [200] } }])
})

/** A few sessions, one of which loses a segment. */
const capture = pcap(
  Array.from({ length: 40 }, (_, number): Captured[] => {
    const client = { sport: 1024 + number }
    const server = { ...back, dport: client.sport }
    return [
      { at: number * 1e6, frame: tcpFrame({ ...client, flags: 2, seq: 99, options: { mss: 1460 } }) },
      { at: number * 1e6 + 20e6, frame: tcpFrame({ ...server, flags: 18, seq: 499, ack: 100 }) },
      { at: number * 1e6 + 21e6, frame: tcpFrame({ ...client, seq: 100, ack: 500, length: 1000 }) },
      { at: number * 1e6 + 22e6, frame: tcpFrame({ ...client, seq: 100, ack: 500, length: 1000 }) },
      { at: number * 1e6 + 45e6, frame: tcpFrame({ ...server, seq: 500, ack: 1100, length: 10 + number }) },
    ]
  })
    .flat()
    .toSorted((one, other) => one.at - other.at),
)

/** Runs in Node and in the page from its own text. */
function sessionsOf(kit: typeof tcpSource, file: Uint8Array): string {
  const said: unknown[] = []
  const analyser = kit.createAnalyser({ name: 'capture', onSession: (session) => said.push(session, kit.storyOf(session)) })
  analyser.write(file)
  said.push(analyser.end())
  return JSON.stringify(said)
}

test('the analysis of TCP built for Node says what its source says, in threads too', async () => {
  writeFileSync(join(folder.path, 'capture.pcap'), capture)
  writeFileSync(
    join(folder.path, 'tcp.mjs'),
    `import * as kit from '@belay/tcp'
import { analyseFiles } from '@belay/tcp/node'
import { readFileSync } from 'node:fs'
const sessionsOf = ${sessionsOf.toString()}
const records = []
const outcomes = await analyseFiles(['capture.pcap', 'capture.pcap'], { workers: 2, onSession: (record) => records.push(record) })
process.stdout.write(JSON.stringify([sessionsOf(kit, readFileSync('capture.pcap')), outcomes.map(({ summary }) => summary.sessions), records.length]))`,
  )
  const { stdout } = await promisify(execFile)(process.execPath, ['tcp.mjs'], { cwd: folder.path, maxBuffer: 64 * 1024 * 1024 })
  expect(JSON.parse(stdout)).toEqual([sessionsOf(tcpSource, capture), [40, 40], 80])
})

test('in a browser too: no part of it asks for Node', async (context) => {
  const browser = await openChromium()
  if ('skipped' in browser) return context.skip(browser.skipped)
  try {
    const page = await browser.newPage()
    await page.route('**/*', (route) => {
      const { pathname } = new URL(route.request().url())
      if (pathname === '/')
        return route.fulfill({ contentType: 'text/html', body: '<!doctype html><script type="module" src="/ask.js"></script>' })
      if (pathname === '/capture') return route.fulfill({ body: Buffer.from(capture) })
      const ask = `import * as kit from '/index.js'
const sessionsOf = ${sessionsOf.toString()}
globalThis.said = fetch('/capture').then((response) => response.arrayBuffer()).then((file) => sessionsOf(kit, new Uint8Array(file)))`
      const body = pathname === '/ask.js' ? ask : readFileSync(join(installed('@belay/tcp'), 'dist', pathname), 'utf8')
      return route.fulfill({ contentType: 'text/javascript', body })
    })
    await page.goto('https://page.example/')
    const said = await page.evaluate(() => (globalThis as unknown as { said: Promise<string> }).said)
    expect(said).toEqual(sessionsOf(tcpSource, capture))
  } finally {
    await browser.close()
  }
})

async function listening(answer: RequestListener) {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
