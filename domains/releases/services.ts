/** An artifact for each service of a commit: an earlier one where nothing that goes into it has changed, else built. */
import { realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { sayBytes, sayCount, sayDuration } from '@belay/base'
import type { Artifacts, Draft } from './artifacts.ts'
import { runBuild } from './build.ts'
import { openCheckout } from './checkouts.ts'
import type { Repository } from './git.ts'
import { inputsOf, type ReleaseConfig, type ReleaseService, watchedPaths } from './model.ts'
import { packFolder } from './pack.ts'
import { releaseProblem } from './problems.ts'
import type { Say } from './sharing.ts'

type Parts = {
  readonly repository: Repository
  readonly artifacts: Artifacts
  /** The folder for checkouts. */
  readonly checkouts: string
  /** The newest artifact that this server built from equal inputs. */
  findBuilt(inputs: string): Promise<{ artifact: string; bytes: number; release: string } | undefined>
}

export type Built = AsyncDisposable & {
  readonly services: Omit<ReleaseService, 'changed'>[]
  readonly drafts: ReadonlyMap<string, Draft>
  readonly warnings: string[]
}

/**
 * An artifact for each service: an earlier one of equal inputs when `reuse` says so, else built and packed. Services
 * of equal inputs share one. Every build starts from what the commit has, so no build sees another's output.
 */
export async function buildServices(
  parts: Parts,
  from: { commit: string; config: ReleaseConfig; reuse: boolean },
  say: Say,
  signal: AbortSignal,
): Promise<Built> {
  const { commit, config, reuse } = from
  const specs = Object.entries(config.services)
  const paths = specs.flatMap(([, spec]) => [...watchedPaths(spec), ...watchedPaths({ path: spec.path })])
  const objects = await parts.repository.objectsAt(commit, [...new Set(paths)])
  const warnings: string[] = []
  const drafts = new Map<string, Draft>()
  const done = new Map<string, { artifact: string; bytes: number }>()
  const services: Omit<ReleaseService, 'changed'>[] = []
  await using checkout = openCheckout(parts.repository, parts.checkouts, commit, signal)

  const dispose = async () => {
    for (const draft of drafts.values()) await draft[Symbol.asyncDispose]()
  }
  try {
    for (const [service, spec] of specs) {
      signal.throwIfAborted()
      const [path = ''] = watchedPaths({ path: spec.path })
      if (objects.get(path)?.kind !== 'tree') throw releaseProblem('service-path-missing', { service, path: spec.path, commit })
      for (const watched of watchedPaths(spec)) {
        if (!objects.has(watched)) warnings.push(`services.${service}.watch: commit ${commit.slice(0, 10)} has nothing at ${watched}.`)
      }
      const inputs = inputsOf(spec, (watched) => objects.get(watched)?.id ?? null)
      let made = done.get(inputs)
      if (made) say(service, 'shares its artifact with a service of equal inputs')
      made ??= reuse ? await reuseBuilt(parts, { service, inputs, warnings }, say) : undefined
      made ??= await buildOne(
        parts,
        { service, path: spec.path, build: spec.build },
        await checkout.fresh(),
        { commit, drafts, warnings },
        say,
        signal,
      )
      done.set(inputs, made)
      services.push({ service, ...made, inputs })
    }
  } catch (error) {
    await dispose()
    throw error
  }
  return { services, drafts, warnings, [Symbol.asyncDispose]: dispose }
}

async function reuseBuilt(
  { artifacts, findBuilt }: Parts,
  { service, inputs, warnings }: { service: string; inputs: string; warnings: string[] },
  say: Say,
): Promise<{ artifact: string; bytes: number } | undefined> {
  const earlier = await findBuilt(inputs)
  if (!earlier) return undefined
  const wrong = await artifacts.verify(earlier.artifact)
  if (wrong === undefined) {
    say(service, `the same as in ${earlier.release}, not built again`)
    return { artifact: earlier.artifact, bytes: earlier.bytes }
  }
  warnings.push(`${service}: its artifact of ${earlier.release} ${wrong}; it was built anew.`)
  return undefined
}

async function buildOne(
  { repository, artifacts }: Parts,
  it: { service: string; path: string; build: string | undefined },
  checkout: string,
  kept: { commit: string; drafts: Map<string, Draft>; warnings: string[] },
  say: Say,
  signal: AbortSignal,
): Promise<{ artifact: string; bytes: number }> {
  const { service, path, build } = it
  const startedAt = performance.now()
  const place = join(checkout, path)
  if (build !== undefined) {
    say(service, `building: ${build}`)
    await runBuild(
      { service, build, folder: place, committedAt: await repository.committedAt(kept.commit) },
      (line) => say(service, line),
      signal,
    )
    if (!(await isFolderInside(checkout, place))) throw releaseProblem('service-path-lost', { service, path, build })
  }
  const draft = await artifacts.draft()
  try {
    const packed = await packFolder(place, draft.path, `The artifact of ${service}`, signal)
    kept.warnings.push(...packed.warnings)
    say(service, `packed ${sayCount(packed.files, 'file')}, ${sayBytes(packed.bytes)}, in ${sayDuration(performance.now() - startedAt)}`)
    // Two services of different inputs may well have the same content.
    if (kept.drafts.has(packed.sha256)) await draft[Symbol.asyncDispose]()
    else kept.drafts.set(packed.sha256, draft)
    return { artifact: packed.sha256, bytes: packed.bytes }
  } catch (error) {
    await draft[Symbol.asyncDispose]()
    throw error
  }
}

/** A build may have removed the folder, or put a link to anywhere in its place. */
async function isFolderInside(checkout: string, place: string): Promise<boolean> {
  try {
    const [top, real] = [await realpath(checkout), await realpath(place)]
    return (real === top || real.startsWith(top + sep)) && (await stat(real)).isDirectory()
  } catch {
    return false
  }
}
