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
  const rooms = ['sdk/flags', 'sdk/calls', 'sdk/node']
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
  for (const name of ['@belay/flag-evaluator', '@belay/call-record', '@belay/node']) {
    // What both doors of a package use stands in a file of its own, whose name has a hash.
    const found = files(name).filter((file) => !/^\.\/dist\/recorder-[\w-]+\.(d\.ts|js)$/.test(file))
    expect(found).toEqual(name === '@belay/node' ? [...common, './dist/record.d.ts', './dist/record.js'].sort() : common)
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
