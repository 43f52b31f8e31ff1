/** Making releases, and handing them out. What is decided is decided in model.ts; here it is fetched and done. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { canonicalJson, type Clock, sayCount } from '@belay/base'
import { formatProblem, readCloudFile } from '@belay/cloudfile'
import type { Ledger } from '@belay/ledger'
import type { Store } from '@belay/store'
import { type Draft, explainDisk, openArtifacts } from './artifacts.ts'
import { type BundleManifest, takeBundle, writeBundle } from './bundle.ts'
import { sweepCheckouts } from './checkouts.ts'
import { openRepository } from './git.ts'
import { type History, historyOf } from './history.ts'
import {
  chooseName,
  type Commit,
  compareReleases,
  configOf,
  type DatabaseStep,
  databaseStepsOf,
  isReleaseName,
  markChanged,
  nearNames,
  type Release,
  type ReleaseConfig,
  releaseId,
  sayList,
  sayMade,
  tellCommits,
} from './model.ts'
import { releaseProblem } from './problems.ts'
import { buildServices } from './services.ts'
import { limitTo, type Say, shareWork } from './sharing.ts'
import { findBuilt, findRelease, findUse, insertRelease, listReleases, releaseNames, usedArtifacts } from './store.ts'

export type CutProgress = { readonly at: number; readonly service: string | null; readonly text: string }
export type Made = { readonly release: Release; readonly existed: boolean }
export type ReleaseDiff = {
  readonly from: string
  readonly to: string
  readonly commits: Commit[]
  readonly services: ReturnType<typeof compareReleases>['services']
  readonly steps: ReturnType<typeof compareReleases>['steps']
  readonly databaseSteps: DatabaseStep[]
  /** What could not be told, and what `from` has that `to` has not. */
  readonly warnings: string[]
}

export type Releases = {
  /**
   * Builds a release from a git ref in a clean checkout. A commit has one release: asked again it is handed back,
   * `existed: true`; with `rebuild` its services are built anew and compared, and it stays as it is.
   *
   * @throws Problem `unknown-ref`, `not-a-repository`, `cloud-file-missing`, `cloud-file-broken` (all its problems),
   *   `build-failed` (last lines), `release-name-invalid`, `release-name-taken`, `commit-already-released` (another
   *   name was asked for), `service-path-missing`, `artifact-too-large`, `disk-full`; the signal's reason when aborted.
   */
  cut(
    asking: { ref: string; name?: string | undefined; rebuild?: boolean | undefined },
    actor: string,
    onProgress: (progress: CutProgress) => void,
    signal?: AbortSignal,
  ): Promise<Made>
  /** Takes a bundle, all of it or nothing. @throws Problem `bundle-broken`, `release-differs`, and the names' as `cut`. */
  push(bundle: Readable, actor: string): Promise<Made>
  /** The release as a tar that `push` takes. @throws Problem `unknown-release`, `artifact-corrupted` */
  bundle(name: string): Promise<Readable>
  /** @throws Problem `unknown-release` with names that are near */
  byName(name: string): Promise<Release>
  find(name: string): Promise<Release | undefined>
  /** Newest first. */
  list(limit: number): Promise<Release[]>
  /** What deploying `to` over `from` brings. @throws Problem `unknown-release` */
  diff(from: string, to: string): Promise<ReleaseDiff>
  /** The artifact's file on this machine, a .tgz. */
  artifactPath(sha256: string): string
  /** Reads the whole file. @throws Problem `artifact-corrupted` naming the release, the service and the remedy */
  verifyArtifact(sha256: string): Promise<void>
}

export type ReleasesOptions = {
  readonly store: Store
  readonly ledger: Pick<Ledger, 'append' | 'record'>
  readonly clock: Clock
  /** Belay's own: `artifacts/` and `checkouts/` are made in it. */
  readonly folder: string
  /** The folder of the team's belay.yaml, in a git repository. */
  readonly repository: string
  /** `belay.yaml` */
  readonly cloudFileName: string
  /** The name of the release that production runs now; null when nothing was ever deployed there. */
  readonly inProduction: () => Promise<string | null>
}

/** Each build may use all cores; two keep a quick one from waiting behind a slow one. */
const cutsAtOnceMax = 2
/** "Did you mean" looks among the newest; nobody mistypes the name of a release of last year. */
const namesLookedAt = 2_000

export function openReleases(options: ReleasesOptions): Releases {
  const { store, ledger, clock, folder, cloudFileName, inProduction } = options
  const repository = openRepository(options.repository)
  const artifacts = openArtifacts(join(folder, 'artifacts'))
  const checkouts = join(folder, 'checkouts')
  const shared = shareWork<Made>()
  const slots = limitTo(cutsAtOnceMax)
  const publishing = limitTo(1)
  const parts = { repository, artifacts, checkouts, findBuilt: (inputs: string) => findBuilt(store.read, inputs) }
  // A failure to tidy must not keep anybody from working; what is left is found at the next start.
  const swept = Promise.allSettled([sweepCheckouts(checkouts), artifacts.sweep((names) => usedArtifacts(store.read, names))])

  const find = (name: string) => findRelease(store.read, { name })
  async function byName(name: string): Promise<Release> {
    const release = await find(name)
    if (release) return release
    const names = await releaseNames(store.read, namesLookedAt)
    throw releaseProblem('unknown-release', { name, near: nearNames(name, names), any: names.length > 0 })
  }
  async function productionNow(): Promise<Release | undefined> {
    const name = await inProduction()
    return name === null ? undefined : find(name)
  }

  // ── cut ───────────────────────────────────────────────────────────────────────────────────────────────────

  type Asking = Parameters<Releases['cut']>[0]
  const cut: Releases['cut'] = async (asking, actor, onProgress, signal) => {
    if (asking.name !== undefined && !isReleaseName(asking.name)) throw releaseProblem('release-name-invalid', { name: asking.name })
    const commit = await repository.resolve(asking.ref)
    const present = await findRelease(store.read, { commit })
    if (present && asking.rebuild !== true) return handBack(present, asking.name)

    const { value, joined } = await shared(
      asking.rebuild === true ? `rebuild ${commit}` : commit,
      (service, text) => onProgress({ at: clock.now(), service, text }),
      signal,
      (say, stop) => cutAlone(commit, asking, actor, say, stop),
    )
    return handBack(value.release, asking.name, value.existed || joined)
  }

  async function cutAlone(commit: string, asking: Asking, actor: string, say: Say, signal: AbortSignal): Promise<Made> {
    const free = slots.tryTake()
    if (!free) say(null, `waiting: ${sayCount(cutsAtOnceMax, 'release')} are being built`)
    using _place = free ?? (await slots.take(signal))
    await swept
    try {
      const existing = await findRelease(store.read, { commit })
      if (!existing) return await make(commit, asking, actor, say, signal)
      return asking.rebuild === true ? await rebuild(existing, actor, say, signal) : { release: existing, existed: true }
    } catch (error) {
      throw await explainDisk(error, folder, `building commit ${commit.slice(0, 10)}`)
    }
  }

  /** A name that was asked for and is not the release's own is refused rather than dropped in silence. */
  function handBack(release: Release, wanted: string | undefined, existed = true): Made {
    if (wanted !== undefined && wanted !== release.name) {
      throw releaseProblem('commit-already-released', { name: release.name, commit: release.commit, wanted })
    }
    return { release, existed }
  }

  async function make(commit: string, asking: Asking, actor: string, say: Say, signal: AbortSignal): Promise<Made> {
    const name = chooseName({ asked: asking.name, ref: asking.ref, tags: await repository.tagsAt(commit), commit })
    await nameIsFree(name, commit)
    say(null, `${name} from ${commit.slice(0, 10)}`)
    const config = await configAt(commit)
    const uncommitted = await repository.uncommitted(commit, folder)
    await using built = await buildServices(parts, { commit, config, reuse: true }, say, signal)
    const production = await productionNow()
    const history = await historyOf(repository, { commit, config }, production, `production's release ${production?.name}`)
    const services = markChanged(built.services, config, production)
    const release: Release = {
      name,
      id: releaseId({ commit, config, services }),
      commit,
      ref: asking.ref,
      cutAt: clock.now(),
      cutBy: actor,
      services,
      ...history,
      warnings: [
        ...sayUncommitted(uncommitted),
        ...((await repository.hasSubmodules(commit)) ? ['The repository has git submodules; builds do not get their files.'] : []),
        ...built.warnings,
        ...history.warnings,
      ],
      config,
    }
    const made = await publish(release, built.drafts, 'cut', actor)
    say(null, made.existed ? `${made.release.name} was made by another server meanwhile` : sayMade('cut', made.release))
    return made
  }

  async function nameIsFree(name: string, commit: string): Promise<void> {
    const taken = await find(name)
    if (taken && taken.commit !== commit) throw releaseProblem('release-name-taken', { name, commit: taken.commit, wanted: commit })
  }

  async function configAt(commit: string): Promise<ReleaseConfig> {
    const text = await repository.fileAt(commit, cloudFileName)
    if (text === undefined) {
      const uncommitted = await stat(join(options.repository, cloudFileName)).then(
        () => true,
        () => false,
      )
      throw releaseProblem('cloud-file-missing', { file: cloudFileName, commit, uncommitted })
    }
    const reading = readCloudFile(text, cloudFileName)
    if (!reading.file)
      throw releaseProblem('cloud-file-broken', { file: cloudFileName, commit, problems: reading.problems.map(formatProblem) })
    return configOf(reading.file)
  }

  /** Gives the artifacts their names, then writes row and fact in one transaction. What it placed goes when that fails. */
  async function publish(release: Release, drafts: ReadonlyMap<string, Draft>, verb: 'cut' | 'pushed', actor: string): Promise<Made> {
    // One at a time: another release of the same content must not count on a file that is being taken back.
    using _turn = await publishing.take()
    const placed: string[] = []
    try {
      for (const [artifact, draft] of drafts) if ((await draft.keep(artifact)).isNew) placed.push(artifact)
      return await store.write(async (tx): Promise<Made> => {
        const sameCommit = await findRelease(tx, { commit: release.commit })
        if (sameCommit) return { release: sameCommit, existed: true }
        const sameName = await findRelease(tx, { name: release.name })
        if (sameName) throw releaseProblem('release-name-taken', { name: release.name, commit: sameName.commit, wanted: release.commit })
        await insertRelease(tx, release, verb === 'cut')
        await ledger.append(tx, {
          actor,
          kind: `release.${verb}`,
          subject: `release:${release.name}`,
          says: sayMade(verb, release),
          data: factData(release),
        })
        return { release, existed: false }
      })
    } finally {
      const used = await usedArtifacts(store.read, placed).catch(() => new Set(placed))
      for (const artifact of placed) if (!used.has(artifact)) await artifacts.remove(artifact)
    }
  }

  async function rebuild(release: Release, actor: string, say: Say, signal: AbortSignal): Promise<Made> {
    const { commit, config } = release
    await using built = await buildServices(parts, { commit, config, reuse: false }, say, signal)
    const differs: string[] = []
    const mended: string[] = []
    for (const { service, artifact } of built.services) {
      if (release.services.find((it) => it.service === service)?.artifact !== artifact) {
        differs.push(service)
        continue
      }
      // Equal, so it also mends a file that the disk has spoilt.
      const isNew = (await built.drafts.get(artifact)?.keep(artifact))?.isNew === true
      if (isNew) mended.push(service)
    }
    const says = [
      differs.length === 0 ? 'all artifacts came out equal' : `${sayList(differs)} came out different, the release keeps what it has`,
      ...(mended.length === 0 ? [] : [`the spoilt artifact of ${sayList(mended)} was replaced`]),
    ].join('; ')
    await ledger.record({
      actor,
      kind: 'release.rebuilt',
      subject: `release:${release.name}`,
      says: `built ${release.name} anew: ${says}`,
      data: { differs, mended },
    })
    say(null, `built ${release.name} anew: ${says}`)
    const warnings = differs.length === 0 ? [] : [`Built anew, ${says}. Its build is not reproducible.`]
    return { release: { ...release, warnings: [...release.warnings, ...warnings] }, existed: true }
  }

  // ── push ──────────────────────────────────────────────────────────────────────────────────────────────────

  async function push(bundle: Readable, actor: string): Promise<Made> {
    await swept
    try {
      await using taken = await takeBundle(bundle, artifacts)
      const { manifest } = taken
      const { name, commit, config } = manifest
      const production = await productionNow()
      const services = markChanged(
        manifest.services.map(({ service, artifact, inputs }) => ({
          service,
          artifact,
          bytes: taken.drafts.get(artifact)?.bytes ?? 0,
          inputs: inputs ?? '',
        })),
        config,
        production,
      )
      const history = await pushedHistory(manifest, production)
      const release: Release = {
        name,
        id: releaseId({ commit, config, services }),
        commit,
        ref: manifest.ref ?? commit,
        cutAt: clock.now(),
        cutBy: actor,
        services,
        ...history,
        warnings: [...new Set([...(manifest.warnings ?? []), ...history.warnings])],
        config,
      }
      const drafts = new Map([...taken.drafts].map(([sha, { draft }]) => [sha, draft]))
      const present = await findRelease(store.read, { commit })
      // The same again: its files may mend spoilt ones.
      if (present?.id === release.id) for (const [sha, draft] of drafts) await draft.keep(sha)
      const made = present ? { release: present, existed: true } : await publish(release, drafts, 'pushed', actor)
      if (!made.existed) return made
      if (made.release.id !== release.id) {
        throw releaseProblem('release-differs', { name: made.release.name, commit, differs: differences(made.release, release) })
      }
      return handBack(made.release, name)
    } catch (error) {
      throw await explainDisk(error, folder, 'taking the bundle')
    }
  }

  /** From git where this server's repository has the commit, else as the bundle tells it. */
  async function pushedHistory(manifest: BundleManifest, production: Release | undefined): Promise<History> {
    const { commit, config } = manifest
    const isHere = await repository.has(commit).catch(() => false)
    if (isHere) return historyOf(repository, { commit, config }, production, `production's release ${production?.name}`)
    const unknown = config.deploy.map(() => null)
    return {
      since: manifest.since ?? null,
      ...tellCommits(manifest.commits ?? []),
      databaseSteps: manifest.databaseSteps ?? databaseStepsOf(config.deploy, unknown),
      warnings: [
        `Commit ${commit.slice(0, 10)} is not in this server's repository: commits and database steps are as the bundle tells them.`,
      ],
    }
  }

  // ── handing out ───────────────────────────────────────────────────────────────────────────────────────────

  async function verifyArtifact(sha256: string): Promise<void> {
    const because = await artifacts.verify(sha256)
    if (because === undefined) return
    const use = await findUse(store.read, sha256)
    throw releaseProblem('artifact-corrupted', {
      service: use?.service ?? 'no service',
      release: use?.release ?? 'that is known',
      artifact: sha256,
      path: artifacts.path(sha256),
      because,
    })
  }

  async function diff(fromName: string, toName: string): Promise<ReleaseDiff> {
    const [from, to] = [await byName(fromName), await byName(toName)]
    const { commits, databaseSteps, warnings } = await historyOf(repository, to, from, from.name)
    return { from: from.name, to: to.name, ...compareReleases(from, to), commits, databaseSteps, warnings }
  }

  return {
    cut,
    push,
    async bundle(name) {
      const release = await byName(name)
      for (const { artifact } of release.services) await verifyArtifact(artifact)
      return writeBundle(release, artifacts)
    },
    byName,
    find,
    list: (limit) => listReleases(store.read, limit),
    diff,
    artifactPath: artifacts.path,
    verifyArtifact,
  }
}

function sayUncommitted(files: readonly string[]): string[] {
  if (files.length === 0) return []
  const some = files.length > 3 ? [...files.slice(0, 3), `${files.length - 3} more`] : files
  return [
    `The working tree has ${sayCount(files.length, 'changed or new file')} that ${files.length === 1 ? 'is' : 'are'} not in this release, because not committed: ${sayList(some)}.`,
  ]
}

/** What the ledger keeps of a release; the row has the rest. */
function factData(release: Release): Record<string, unknown> {
  const { id, commit, ref, since, commits, services, databaseSteps } = release
  const changed = services.filter((it) => it.changed).map(({ service }) => service)
  return {
    id,
    commit,
    ref,
    since: since?.release ?? null,
    commits: commits.length,
    changed,
    databaseSteps: databaseSteps.map(({ step }) => step),
  }
}

function differences(present: Release, pushed: Release): string[] {
  const artifactOf = (release: Release, name: string) => release.services.find(({ service }) => service === name)?.artifact
  const names = [...new Set([...present.services, ...pushed.services].map(({ service }) => service))]
  return [
    ...names.filter((name) => artifactOf(present, name) !== artifactOf(pushed, name)).map((name) => `the artifact of ${name}`),
    ...(canonicalJson(present.config) === canonicalJson(pushed.config) ? [] : ['the configuration']),
  ]
}
