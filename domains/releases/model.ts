/**
 * What a release is, and everything about it that can be decided without doing anything: its name, its identity,
 * what changed in it, which of its steps change a database, how it is told. Git, builds and files live elsewhere.
 */
import { canonicalJson, invariant, sayCount } from '@belay/base'
import { contentHash } from '@belay/base/node'
import { type CloudFile, nearest, type ServiceSpec, type StepSpec } from '@belay/cloudfile'

export type ReleaseService = {
  readonly service: string
  /** SHA-256 of the artifact's bytes. */
  readonly artifact: string
  readonly bytes: number
  /** Against the release in production when this one was made. */
  readonly changed: boolean
  /** Hash of all that goes into the artifact, see `inputsOf`; empty when a bundle did not tell it. */
  readonly inputs: string
}
export type Commit = { readonly sha: string; readonly author: string; readonly at: number; readonly subject: string }
export type DatabaseStep = {
  readonly step: string
  readonly found: ('declared' | 'paths')[]
  readonly paths: string[]
  readonly hasUndo: boolean
}
/** What of belay.yaml travels with a release: everything but the environments, which are where it goes. */
export type ReleaseConfig = { readonly cloud: string; readonly services: CloudFile['services']; readonly deploy: StepSpec[] }

export function configOf({ cloud, services, deploy }: CloudFile): ReleaseConfig {
  return { cloud, services, deploy }
}

/** An immutable version: one git commit, one artifact for each service, the configuration of that commit. */
export type Release = {
  readonly name: string
  /** SHA-256 over commit, artifacts and configuration: equal ids deploy the same. */
  readonly id: string
  readonly commit: string
  /** What was asked for: a branch, a tag, a commit. */
  readonly ref: string
  readonly cutAt: number
  readonly cutBy: string
  readonly services: ReleaseService[]
  /** Production's release when this one was made. */
  readonly since: { readonly release: string; readonly commit: string } | null
  /** Since then, newest first; the whole history when nothing was in production. At most `commitsMax`. */
  readonly commits: Commit[]
  /** In the order of their first commit in `commits`. */
  readonly authors: string[]
  readonly databaseSteps: DatabaseStep[]
  readonly warnings: string[]
  readonly config: ReleaseConfig
}

/** A year of a busy team; a person reads the first screen, and the whole list travels with the release. */
export const commitsMax = 1_000
/** Enough to see which migrations they are; the rest is counted. */
export const pathsMax = 50
export const releaseNameRule = 'letters, digits and . _ -, at most 64 of them, a letter or digit first'

/** The name becomes a folder on every host and a part of URLs, hence the narrow rule. */
export function isReleaseName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)
}

/**
 * The asker's name, else a git tag at the commit (the one asked for by name, else the first given), else one made
 * from the commit. Tags that cannot name a release (`team/1.2`) are passed over.
 */
export function chooseName(from: { asked?: string | undefined; ref: string; tags: readonly string[]; commit: string }): string {
  if (from.asked !== undefined) return from.asked
  const tags = from.tags.filter(isReleaseName)
  const meant = from.ref.replace(/^(refs\/)?tags\//, '')
  return tags.find((tag) => tag === meant) ?? tags[0] ?? `r-${from.commit.slice(0, 10)}`
}

export function releaseId(
  release: Pick<Release, 'commit' | 'config'> & { services: readonly { service: string; artifact: string }[] },
): string {
  const services = Object.fromEntries(release.services.map(({ service, artifact }) => [service, artifact]))
  return contentHash({ commit: release.commit, services, config: release.config })
}

/** A path as git spells it: no `./`, no doubled or closing slash; the repository itself is the empty path. */
export function plainPath(path: string): string {
  return path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/')
}

/** The paths whose content decides whether a service is built anew. */
export function watchedPaths(spec: Pick<ServiceSpec, 'path' | 'watch'>): string[] {
  return [...new Set((spec.watch ?? [spec.path]).map(plainPath))].sort()
}

/**
 * Names all that goes into a service's artifact: what git holds under its watched paths, the folder, the build
 * command. Equal inputs are taken to give an equal artifact, so an earlier one is reused.
 * @param objectAt git's id of the tree or file at a path, null when there is none
 */
export function inputsOf(spec: Pick<ServiceSpec, 'path' | 'watch' | 'build'>, objectAt: (path: string) => string | null): string {
  return contentHash({
    // Raised when packing changes, so that artifacts of an older Belay are not mistaken for what this one would make.
    packing: 1,
    path: plainPath(spec.path),
    build: spec.build ?? null,
    watched: watchedPaths(spec).map((path) => [path, objectAt(path)]),
  })
}

/** Would a host notice the difference? Its artifact, or how it is run. */
export function serviceDiffers(a: Deployable, b: Deployable): boolean {
  return a.artifact !== b.artifact || canonicalJson(runningOf(a.spec)) !== canonicalJson(runningOf(b.spec))
}
type Deployable = { readonly artifact: string; readonly spec: ServiceSpec }
const runningOf = ({ run, port, health, env, stop }: ServiceSpec) => ({ run, port, health, env, stop })

/** The services with what is known of their artifacts, marked as changed or not against production's release. */
export function markChanged(
  built: readonly Omit<ReleaseService, 'changed'>[],
  config: ReleaseConfig,
  production: Pick<Release, 'services' | 'config'> | undefined,
): ReleaseService[] {
  return built.map((service) => {
    const before = production && deployable(production, service.service)
    const now = deployable({ services: built, config }, service.service)
    invariant(now, `service ${service.service} is in the configuration`)
    return { ...service, changed: before === undefined || serviceDiffers(before, now) }
  })
}
function deployable(
  release: { services: readonly { service: string; artifact: string }[]; config: ReleaseConfig },
  name: string,
): Deployable | undefined {
  const artifact = release.services.find(({ service }) => service === name)?.artifact
  const spec = release.config.services[name]
  return artifact === undefined || spec === undefined ? undefined : { artifact, spec }
}

/**
 * The steps that change a database in this release.
 *
 * A step that names the paths to watch (its migrations) counts when a file under them changed since production's
 * release, whether or not it also declares `changes: database`: a release without a new migration then stays free to
 * go where database changes may not (a lane, a rollback). A step that only declares it always counts, because
 * nothing can show that it does nothing this time.
 *
 * @param changedFiles for each step of `deploy`, the files changed under its watched paths (all files there when
 *   nothing is in production); null when nobody can tell, and then the step counts.
 */
export function databaseStepsOf(deploy: readonly StepSpec[], changedFiles: readonly (readonly string[] | null)[]): DatabaseStep[] {
  return deploy.flatMap((step, index) => {
    const declared = step.changes === 'database'
    const watches = (step.watch ?? []).length > 0
    const changed = watches ? (changedFiles[index] ?? null) : []
    if (watches ? changed !== null && changed.length === 0 : !declared) return []
    const found: DatabaseStep['found'] = []
    if (declared) found.push('declared')
    if (watches && changed !== null) found.push('paths')
    // An undeclared step of which nobody can tell: its watched paths are the reason that it is listed.
    if (found.length === 0) found.push('paths')
    return [{ step: step.step, found, paths: (changed ?? step.watch ?? []).slice(0, pathsMax), hasUndo: step.undo !== undefined }]
  })
}

/** Bounds the commits and names their authors. */
export function tellCommits(commits: readonly Commit[]): { commits: Commit[]; authors: string[] } {
  const kept = commits.slice(0, commitsMax)
  return { commits: kept, authors: [...new Set(kept.map(({ author }) => author).reverse())] }
}

export type Change = 'added' | 'removed' | 'changed' | 'same'

/** What differs between two releases for the hosts: services and steps, in the order of the later file, removed ones last. */
export function compareReleases(
  from: Release,
  to: Release,
): { services: { service: string; change: Change }[]; steps: { step: string; change: Change }[] } {
  const services = compare(Object.keys(to.config.services), Object.keys(from.config.services), (name) => {
    const before = deployable(from, name)
    const now = deployable(to, name)
    return before !== undefined && now !== undefined && !serviceDiffers(before, now)
  })
  const fromSteps = keyedSteps(from.config.deploy)
  const toSteps = keyedSteps(to.config.deploy)
  const steps = compare(
    [...toSteps.keys()],
    [...fromSteps.keys()],
    (key) => canonicalJson(fromSteps.get(key)) === canonicalJson(toSteps.get(key)),
  )
  return {
    services: services.map(({ key, change }) => ({ service: key, change })),
    steps: steps.map(({ key, change }) => ({ step: key, change })),
  }
}

/** A name used twice (`restart` for two roles) gets its number: restart, restart (2). */
function keyedSteps(deploy: readonly StepSpec[]): Map<string, StepSpec> {
  const seen = new Map<string, number>()
  return new Map(
    deploy.map((step) => {
      const count = (seen.get(step.step) ?? 0) + 1
      seen.set(step.step, count)
      return [count === 1 ? step.step : `${step.step} (${count})`, step]
    }),
  )
}

function compare(now: readonly string[], before: readonly string[], same: (key: string) => boolean): { key: string; change: Change }[] {
  return [
    ...now.map((key) => ({
      key,
      change: !before.includes(key) ? ('added' as const) : same(key) ? ('same' as const) : ('changed' as const),
    })),
    ...before.filter((key) => !now.includes(key)).map((key) => ({ key, change: 'removed' as const })),
  ]
}

/** "cut v2 from 3f2a91c0de: 7 commits by 3 authors, api and web changed" */
export function sayMade(verb: 'cut' | 'pushed', release: Release): string {
  const { commits, authors, services, databaseSteps } = release
  const count = `${commits.length >= commitsMax ? 'at least ' : ''}${sayCount(commits.length, 'commit')}`
  const changed = services.filter((service) => service.changed).map(({ service }) => service)
  const parts = [
    commits.length === 0 ? 'no new commit' : `${count} by ${sayCount(authors.length, 'author')}`,
    release.since === null ? 'nothing in production yet' : changed.length === 0 ? 'no service changed' : `${sayList(changed)} changed`,
    ...(databaseSteps.length === 0
      ? []
      : [`${sayList(databaseSteps.map(({ step }) => step))} ${databaseSteps.length === 1 ? 'changes' : 'change'} the database`]),
  ]
  return `${verb} ${release.name} from ${release.commit.slice(0, 10)}: ${parts.join(', ')}`
}

/** "web", "api and web", "api, web and worker"; beyond eight the rest is counted. */
export function sayList(names: readonly string[]): string {
  const shown = names.length > 8 ? [...names.slice(0, 7), sayCount(names.length - 7, 'other')] : names
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`
}

/** What a person may have meant: one that differs by a slip of the hand, or those that begin alike; at most three. */
export function nearNames(name: string, known: readonly string[]): string[] {
  const slip = nearest(name, known)
  const wanted = name.toLowerCase()
  // Two letters begin nearly everything.
  const alike = wanted.length < 3 ? [] : known.filter((other) => other.toLowerCase().startsWith(wanted))
  return [...new Set([...(slip === undefined ? [] : [slip]), ...alike])].slice(0, 3)
}
