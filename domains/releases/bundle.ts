/**
 * A release as one file that travels: a tar with `manifest.json` first, then each artifact once as
 * `artifacts/<sha256>.tgz`. `belay release save` writes it, `belay release push` takes it; a CI server may also
 * make one with a shell, see docs/reference/release-bundle.md. The whole may be gzip-compressed.
 */
import { createHash, type Hash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { sayBytes } from '@belay/base'
import { readCloudFile } from '@belay/cloudfile'
import { Header, Parser, type ReadEntry } from 'tar'
import { z } from 'zod'
import type { Artifacts, Draft } from './artifacts.ts'
import { commitsMax, configOf, isReleaseName, pathsMax, type Release, type ReleaseConfig, releaseNameRule } from './model.ts'
import { artifactBytesMax, inspectArtifact } from './pack.ts'
import { releaseProblem } from './problems.ts'

/** Two artifacts of the largest size; the server's uploads end there too. */
export const bundleBytesMax = 2 * artifactBytesMax
/** A thousand commits and fifty services take about 400 KiB. */
const manifestBytesMax = 8 * 1024 * 1024

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256: 64 hexadecimal digits, small letters')
const commitId = z
  .string()
  .regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/, 'must be the full id of a git commit: 40 hexadecimal digits, small letters')
const at = z.number().int().nonnegative()

/** `manifest.json` of a bundle, version 1. What is optional is found out by whoever takes the bundle. */
export const bundleManifest = z.strictObject({
  /** Raised when a reader of the old form would misread the new one. */
  version: z.literal(1),
  name: z.string().refine(isReleaseName, `must be a release's name: ${releaseNameRule}`),
  commit: commitId,
  /** What was built, as people say it: a branch, a tag. */
  ref: z.string().min(1).max(250).optional(),
  services: z
    .array(
      z.strictObject({
        service: z.string(),
        /** SHA-256 of `artifacts/<artifact>.tgz`, the service's folder as a gzip-compressed tar. */
        artifact: sha256,
        bytes: at.optional(),
        inputs: z.string().max(200).optional(),
      }),
    )
    .min(1),
  since: z.strictObject({ release: z.string(), commit: commitId }).nullable().optional(),
  /** Newest first. */
  commits: z
    .array(z.strictObject({ sha: commitId, author: z.string().max(1_000), at, subject: z.string().max(1_000) }))
    .max(commitsMax)
    .optional(),
  /** Left out: whoever takes the bundle finds them, from git or from what the steps declare. */
  databaseSteps: z
    .array(
      z.strictObject({
        step: z.string(),
        found: z.array(z.enum(['declared', 'paths'])).min(1),
        paths: z.array(z.string()).max(pathsMax),
        hasUndo: z.boolean(),
      }),
    )
    .optional(),
  warnings: z.array(z.string().max(2_000)).max(200).optional(),
  cutAt: at.optional(),
  cutBy: z.string().max(200).optional(),
  /** As in belay.yaml of that commit, without its environments. Left out when the bundle holds that file itself. */
  config: z.strictObject({ cloud: z.unknown(), services: z.record(z.string(), z.unknown()), deploy: z.array(z.unknown()) }).optional(),
})
type RawManifest = z.infer<typeof bundleManifest>
type RawConfig = NonNullable<RawManifest['config']>
export type BundleManifest = Omit<RawManifest, 'config'> & { config: ReleaseConfig }

// ── writing ─────────────────────────────────────────────────────────────────────────────────────────────────

export function manifestOf(release: Release): z.input<typeof bundleManifest> {
  const { name, commit, ref, since, commits, databaseSteps, warnings, cutAt, cutBy } = release
  const services = release.services.map(({ service, artifact, bytes, inputs }) => ({ service, artifact, bytes, inputs }))
  return {
    version: 1,
    name,
    commit,
    ref,
    services,
    since,
    commits,
    databaseSteps,
    warnings,
    cutAt,
    cutBy,
    config: asWritten(release.config),
  }
}

/** Durations go back to how belay.yaml spells them, so that one schema reads both. */
function asWritten({ cloud, services, deploy }: ReleaseConfig): RawConfig {
  const ms = (duration: number) => `${duration}ms`
  return {
    cloud,
    services: Object.fromEntries(Object.entries(services).map(([name, service]) => [name, { ...service, stop: ms(service.stop) }])),
    deploy: deploy.map((step) => ({
      ...step,
      within: ms(step.within),
      ...(step.check === undefined ? {} : { check: { ...step.check, within: ms(step.check.within), every: ms(step.check.every) } }),
    })),
  }
}

export function writeBundle(release: Release, artifacts: Artifacts): Readable {
  return Readable.from(bundlePieces(release, artifacts), { objectMode: false })
}

async function* bundlePieces(release: Release, artifacts: Artifacts): AsyncGenerator<Buffer> {
  const manifest = Buffer.from(`${JSON.stringify(manifestOf(release), undefined, 1)}\n`)
  yield* tarEntry('manifest.json', manifest.length, [manifest])
  for (const artifact of new Set(release.services.map((service) => service.artifact))) {
    const path = artifacts.path(artifact)
    const { size } = await stat(path)
    yield* tarEntry(`artifacts/${artifact}.tgz`, size, createReadStream(path))
  }
  yield Buffer.alloc(2 * tarBlock)
}

const tarBlock = 512
async function* tarEntry(path: string, size: number, content: AsyncIterable<Buffer> | Iterable<Buffer>): AsyncGenerator<Buffer> {
  const header = new Header({ path, size, type: 'File', mode: 0o644, mtime: new Date(0) })
  header.encode()
  yield header.block as Buffer
  yield* content
  yield Buffer.alloc((tarBlock - (size % tarBlock)) % tarBlock)
}

// ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────

export type TakenBundle = AsyncDisposable & {
  readonly manifest: BundleManifest
  /** The artifacts, verified, not yet kept; they are gone at the end of the block. */
  readonly drafts: ReadonlyMap<string, { draft: Draft; bytes: number }>
}

/**
 * Reads a bundle to its end and verifies all of it before anything is kept.
 * @throws Problem `bundle-broken` naming file and field, `artifact-too-large`
 */
export async function takeBundle(bundle: Readable, artifacts: Artifacts): Promise<TakenBundle> {
  const drafts = new Map<string, { draft: Draft; bytes: number }>()
  const dispose = async () => {
    for (const { draft } of drafts.values()) await draft[Symbol.asyncDispose]()
  }
  try {
    let manifest: RawManifest | undefined
    let cloudFile: string | undefined
    await readEntries(bundle, async (entry, path, signal) => {
      if (path === 'manifest.json') {
        if (manifest) throw broken(path, '', 'is there twice')
        manifest = parseManifest(await textOf(entry, path))
        return
      }
      if (path === 'belay.yaml') {
        if (cloudFile !== undefined) throw broken(path, '', 'is there twice')
        cloudFile = await textOf(entry, path)
        return
      }
      const sha = /^artifacts\/([0-9a-f]{64})\.tgz$/.exec(path)?.[1]
      if (sha === undefined)
        throw broken(path, '', 'does not belong into a bundle; it holds manifest.json, belay.yaml and artifacts/<sha256>.tgz')
      if (!manifest) throw broken(path, '', 'comes before manifest.json, which must be first')
      if (!manifest.services.some(({ artifact }) => artifact === sha))
        throw broken(path, '', 'is not the artifact of any service in manifest.json')
      if (drafts.has(sha)) throw broken(path, '', 'is there twice')
      const draft = await artifacts.draft()
      drafts.set(sha, { draft, bytes: entry.size })
      await takeArtifact(entry, { path, sha, to: draft.path }, signal)
    })
    if (!manifest) throw broken('manifest.json', '', 'is missing')
    const found = withConfig(manifest, cloudFile)
    found.services.forEach(({ service, artifact, bytes }, index) => {
      const draft = drafts.get(artifact)
      if (!draft) throw broken(`artifacts/${artifact}.tgz`, '', `is missing; it is the artifact of ${service}`)
      if (bytes !== undefined && bytes !== draft.bytes) {
        throw broken('manifest.json', `services[${index}].bytes`, `is ${bytes}, but the artifact has ${draft.bytes} bytes`)
      }
    })
    return { manifest: found, drafts, [Symbol.asyncDispose]: dispose }
  } catch (error) {
    await dispose()
    throw error
  }
}

async function takeArtifact(
  entry: ReadEntry,
  { path, sha, to }: { path: string; sha: string; to: string },
  signal: AbortSignal,
): Promise<void> {
  if (entry.size > artifactBytesMax) {
    throw releaseProblem('artifact-too-large', { what: path, size: sayBytes(entry.size), limit: sayBytes(artifactBytesMax) })
  }
  const hash = createHash('sha256')
  await pipeline(entry, measured(hash), createWriteStream(to), { signal })
  const found = hash.digest('hex')
  if (found !== sha) throw broken(path, '', `has other content than its name says: its SHA-256 is ${found}`)
  const wrong = await inspectArtifact(to)
  if (wrong !== undefined) throw broken(path, '', wrong)
}
const measured = (hash: Hash) =>
  async function* (chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      hash.update(chunk)
      yield chunk
    }
  }

/** Calls `take` with each file, one after the other; `take` must read it to its end or throw. */
async function readEntries(bundle: Readable, take: (entry: ReadEntry, path: string, signal: AbortSignal) => Promise<void>): Promise<void> {
  const stop = new AbortController()
  let taking = Promise.resolve()
  let total = 0
  const parser = new Parser({
    strict: true,
    onReadEntry(entry) {
      const path = entry.path.replace(/^(\.\/)+/, '')
      total += entry.size
      // The entry waits until it is read, and the parser with it: nothing piles up in memory.
      taking = taking.then(async () => {
        stop.signal.throwIfAborted()
        if (entry.type === 'Directory' && ['', 'artifacts/', 'artifacts'].includes(path)) return entry.resume()
        if (entry.type !== 'File' && entry.type !== 'OldFile') throw broken(path, '', `is a ${entry.type}; a bundle holds plain files`)
        if (total > bundleBytesMax)
          throw broken(path, '', `makes the bundle larger than ${sayBytes(bundleBytesMax)}, the most that is taken`)
        await take(entry, path, stop.signal)
      })
      taking.catch((error: unknown) => stop.abort(error))
    },
  })
  try {
    await pipeline(bundle, parser as unknown as NodeJS.WritableStream, { signal: stop.signal })
  } catch (error) {
    const first = stop.signal.aborted ? stop.signal.reason : error
    stop.abort(first)
    // Whoever was writing lets go of the file before it is removed.
    await taking.catch(() => {})
    throw isTarError(first) ? broken('the file', '', `is not a whole tar (${(first as Error).message.replace(/^TAR_\w+: /, '')})`) : first
  }
  await taking
}
const isTarError = (error: unknown) =>
  /^(TAR_|Z_|ERR_STREAM_PREMATURE)/.test(
    String((error as { tarCode?: string; code?: string }).tarCode ?? (error as { code?: string }).code ?? ''),
  )

async function textOf(entry: ReadEntry, path: string): Promise<string> {
  if (entry.size > manifestBytesMax) throw broken(path, '', `is larger than ${sayBytes(manifestBytesMax)}`)
  return (await entry.concat()).toString('utf8')
}

function parseManifest(text: string): RawManifest {
  let raw: unknown
  try {
    raw = JSON.parse(text)
  } catch (error) {
    throw broken('manifest.json', '', `is not JSON (${(error as Error).message})`)
  }
  const parsed = bundleManifest.safeParse(raw)
  if (parsed.success) return parsed.data
  const [first, ...more] = parsed.error.issues
  throw broken('manifest.json', fieldOf(first?.path ?? []), lowerFirst(first?.message ?? 'is wrong'), more.length)
}

function withConfig(manifest: RawManifest, cloudFile: string | undefined): BundleManifest {
  if (manifest.config && cloudFile !== undefined)
    throw broken('manifest.json', 'config', 'is there, and belay.yaml too; leave one of them out')
  const [config, where] = manifest.config ? [parseConfig(manifest.config), 'config'] : [parseCloudFile(cloudFile), 'belay.yaml']
  manifest.services.forEach(({ service }, index) => {
    const at = `services[${index}].service`
    if (config.services[service] === undefined) throw broken('manifest.json', at, `${service} is not among the services of ${where}`)
    if (manifest.services.findIndex((other) => other.service === service) !== index)
      throw broken('manifest.json', at, `${service} is there twice`)
  })
  for (const service of Object.keys(config.services)) {
    if (!manifest.services.some((it) => it.service === service))
      throw broken('manifest.json', 'services', `${service} of ${where} has no artifact`)
  }
  return { ...manifest, config }
}

/** Reads it as the belay.yaml that it was (JSON is YAML), so that it obeys the same rules; hosts for all roles are added. */
function parseConfig(config: RawConfig): ReleaseConfig {
  const roles = new Set([
    ...Object.keys(config.services),
    ...config.deploy.flatMap((step) => (step as { on?: string | string[] } | null)?.on ?? []),
  ])
  const hosts = { all: { roles: [...roles].filter((role) => typeof role === 'string') } }
  const reading = readCloudFile(JSON.stringify({ ...config, environments: { any: { kind: 'private', hosts } } }), 'manifest.json')
  if (reading.file) return configOf(reading.file)
  const [first, ...more] = reading.problems
  throw broken('manifest.json', first?.field ? `config.${first.field}` : 'config', first?.message ?? 'is wrong', more.length)
}

function parseCloudFile(text: string | undefined): ReleaseConfig {
  if (text === undefined) throw broken('manifest.json', 'config', 'is missing, and so is belay.yaml; one of them must be there')
  const reading = readCloudFile(text, 'belay.yaml')
  if (reading.file) return configOf(reading.file)
  const [first, ...more] = reading.problems
  throw broken(`belay.yaml:${first?.line}:${first?.column}`, first?.field ?? '', first?.message ?? 'is wrong', more.length)
}

const broken = (file: string, field: string, message: string, more = 0) => releaseProblem('bundle-broken', { file, field, message, more })
const lowerFirst = (text: string) => text.slice(0, 1).toLowerCase() + text.slice(1)
const fieldOf = (path: readonly PropertyKey[]) =>
  path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '')
