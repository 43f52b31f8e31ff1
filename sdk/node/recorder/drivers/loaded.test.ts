/** Libraries are patched however a service loads them: each in a process of its own, where nothing was loaded before. */
import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { temporaryFolder } from '@belay/testkit'
import { expect, test } from 'vitest'

async function run(code: string, cwd = import.meta.dirname): Promise<{ stdout: string; stderr: string }> {
  const start = `
    const { startDrivers } = await import(${JSON.stringify(join(import.meta.dirname, 'index.ts'))})
    const { Call } = await import(${JSON.stringify(join(import.meta.dirname, '../call.ts'))})
    const { calls } = await import(${JSON.stringify(join(import.meta.dirname, '../context.ts'))})
    const require = (await import('node:module')).createRequire(${JSON.stringify(`${cwd}/`)})
    const end = startDrivers()
    const recorded = async (work) => { const call = new Call(''); await calls.run(call, work); return call }
  `
  return promisify(execFile)(process.execPath, ['--input-type=module', '-e', start + code], { cwd })
}

/** How each fails where nobody listens, and the method that is patched. */
const libraries = [
  ['pg', "new it.Pool({ port: 1, host: '127.0.0.1' }).query('x')", 'query'],
  ['mysql2/promise', "it.createConnection({ port: 1, host: '127.0.0.1' })", 'addCommand'],
  ['mongodb', "new it.MongoClient('mongodb://127.0.0.1:1', { serverSelectionTimeoutMS: 1 }).db().command({ a: 1 })", 'command'],
  ['redis', "it.createClient({ socket: { port: 1, reconnectStrategy: false } }).sendCommand(['PING'])", 'sendCommand'],
] as const

// One process for all of them: each takes a while to start on a busy machine.
test.each(['import', 'require'])('what a service loads by %s is patched, and fails as it would', async (how) => {
  const each = libraries.map(
    ([name, work, method]) => `{
      const loaded = ${how === 'import' ? `await import('${name}')` : `require('${name}')`}
      const it = loaded.default ?? loaded
      let failed = false
      await recorded(() => Promise.resolve(${work}).catch(() => { failed = true }))
      const classes = Object.values(require.cache).flatMap(({ exports }) => exports ? [exports, ...Object.values(exports)] : [])
      const methods = classes.flatMap((it) => typeof it === 'function' && it.prototype && Object.hasOwn(it.prototype, '${method}') ? [String(it.prototype.${method})] : [])
      console.log('${name}', methods.some((text) => text.includes('currentCall')), failed)
    }`,
  )
  const sqlite = `
    console.log('loaded', process.moduleLoadList.includes('Internal Binding sqlite'))
    const { DatabaseSync } = ${how === 'import' ? "await import('node:sqlite')" : "require('node:sqlite')"}
    const call = await recorded(() => new DatabaseSync(':memory:').exec('select 1'))
    console.log('node:sqlite', call.statements)
    process.exit(0)`
  const { stdout } = await run(`${each.join('\n')}${sqlite}`)
  expect(stdout.trim().split('\n')).toEqual([
    ...libraries.map(([name]) => `${name} true true`),
    // Nobody asked for it so far, and loading it warns.
    'loaded false',
    'node:sqlite 1',
  ])
})

test('a failure that nobody handles is still one that nobody handles', async () => {
  const { stdout } = await run(`
    process.on('unhandledRejection', (thrown) => { console.log(thrown.code); process.exit(0) })
    const { default: pg } = await import('pg')
    await recorded(() => { void new pg.Pool({ port: 1, host: '127.0.0.1' }).query('select 1') })
  `)
  expect(stdout).toBe('ECONNREFUSED\n')
})

test('a package of another shape stays as it is, and that is said once, with its version', async () => {
  await using folder = await temporaryFolder()
  const pg = join(folder.path, 'node_modules/pg')
  mkdirSync(pg, { recursive: true })
  writeFileSync(join(pg, 'package.json'), JSON.stringify({ name: 'pg', version: '99.0.1', main: 'main.js' }))
  writeFileSync(join(pg, 'main.js'), 'exports.Client = class { ask() { return 42 } }')
  const { stdout, stderr } = await run(
    `const pg = require('pg'); require('pg'); console.log(await (await recorded(() => {})) && new pg.Client().ask())`,
    folder.path,
  )
  expect(stdout).toBe('42\n')
  expect(stderr.match(/BELAY_DRIVER/g)).toHaveLength(1)
  expect(stderr).toContain('statements are not recorded, because pg 99.0.1 is not as expected: there is no query().')
})
