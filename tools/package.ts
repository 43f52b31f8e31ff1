/**
 * Makes what is published of rooms of ours: JavaScript and types instead of TypeScript, and a manifest for those who
 * have none of our workspaces.
 *
 *     node tools/package.ts [--into FOLDER] sdk/flags sdk/calls sdk/node sdk/tcp
 *
 * writes FOLDER/NAME (dist/packages by default) and FOLDER/NAME-VERSION.tgz for each, and a line of JSON with where they
 * are. Ends with 1, and the findings on stderr, when publint or arethetypeswrong find anything.
 */
import { spawnSync } from 'node:child_process'
import { copyFileSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { build } from 'tsdown'

type Manifest = {
  readonly name: string
  readonly version: string
  readonly description: string
  readonly license: string
  readonly engines?: Readonly<Record<string, string>>
  /** `.` or `./part` to its source. */
  readonly exports: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

const root = join(import.meta.dirname, '..')

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { into: { type: 'string', default: join(root, 'dist/packages') } },
})
const into = resolve(values.into)
for (const room of positionals) process.stdout.write(`${JSON.stringify(await packageOf(room))}\n`)

async function packageOf(room: string): Promise<{ name: string; version: string; folder: string; tarball: string }> {
  const source = join(root, room)
  const manifest = manifestOf(source)
  const folder = join(into, basename(source))
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const entries = entriesOf(manifest)
  await build({
    config: false,
    cwd: source,
    entry: Object.fromEntries(entries.map(({ name, file }) => [name, file])),
    outDir: join(folder, 'dist'),
    format: 'esm',
    // Who is for Node says so; the others run wherever there is JavaScript.
    platform: manifest.engines?.node === undefined ? 'neutral' : 'node',
    target: 'es2023',
    fixedExtension: false,
    dts: true,
    tsconfig: join(root, 'tsconfig.json'),
    logLevel: 'error',
  })
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(publishedManifest(manifest, entries), null, 2)}\n`)
  copyFileSync(join(source, 'README.md'), join(folder, 'README.md'))
  const tarball = join(into, pack(folder))
  await check(folder, tarball)
  return { name: manifest.name, version: manifest.version, folder, tarball }
}

function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
}

type Entry = { readonly path: string; readonly name: string; readonly file: string }

function entriesOf({ exports }: Manifest): Entry[] {
  // Fixtures are a door for tests of other rooms.
  const published = Object.entries(exports).filter(([, file]) => basename(file) !== 'fixtures.ts')
  return published.map(([path, file]) => ({ path, file, name: basename(file).replace(/\.ts$/, '') }))
}

/** What npm needs to know, and nothing of how we build: development dependencies are part of what was built. */
function publishedManifest(manifest: Manifest, entries: readonly Entry[]) {
  const { name, version, description, license, engines, dependencies = {}, peerDependencies } = manifest
  return {
    name,
    version,
    description,
    license,
    type: 'module',
    sideEffects: false,
    engines,
    exports: {
      ...Object.fromEntries(
        entries.map((entry) => [entry.path, { types: `./dist/${entry.name}.d.ts`, default: `./dist/${entry.name}.js` }]),
      ),
      './package.json': './package.json',
    },
    files: ['dist'],
    dependencies: Object.fromEntries(
      Object.entries(dependencies).map(([other, range]) => [other, range === '*' ? versionOf(other) : range]),
    ),
    peerDependencies,
  }
}

/** Of a room of ours: published together, they go together. */
function versionOf(name: string): string {
  const manifests = globSync('*/*/package.json', { cwd: root, exclude: ['node_modules/**'] }).map((file) =>
    manifestOf(join(root, file, '..')),
  )
  const found = manifests.find((manifest) => manifest.name === name)
  if (found === undefined) throw new Error(`there is no room ${name}, which would have to be published too`)
  return found.version
}

/** The name of the tarball, in `into`. */
function pack(folder: string): string {
  const [packed] = JSON.parse(run('npm', ['pack', '--json', '--pack-destination', into], folder)) as readonly {
    readonly filename: string
  }[]
  if (packed === undefined) throw new Error('npm pack made no tarball')
  return packed.filename
}

async function check(folder: string, tarball: string): Promise<void> {
  const { messages, pkg } = await publint({ pkgDir: folder, pack: false, strict: true })
  const findings = messages.map((message) => formatMessage(message, pkg, { color: false }) ?? message.code)
  if (findings.length > 0) throw new Error(`publint: ${findings.join('\n')}`)
  // Without --profile it would ask for CommonJS, which no supported Node needs.
  run(
    process.execPath,
    [join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js'), tarball, '--profile', 'esm-only', '--no-color'],
    folder,
  )
}

function run(program: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, encoding: 'utf8' })
  if (error !== undefined) throw error
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}\n${stdout}${stderr}`)
  return stdout
}
