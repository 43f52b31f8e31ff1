/**
 * From a release, an environment and what runs there now to the exact list of what will be done: pure, so the plan
 * that is shown is the plan that runs. One item is one step on one host. Items of a wave run side by side, waves one
 * after the other; an undo walks the waves backwards.
 *
 * Cost: one pass over steps x hosts, with look-ups by map; linear in services x hosts.
 */
import type { CheckSpec, CloudFile, EnvironmentSpec, StepSpec } from '@belay/cloudfile'

/** What a plan needs to know of a release. */
export type PlannedRelease = {
  readonly name: string
  readonly id: string
  readonly cutAt: number
  readonly config: Pick<CloudFile, 'cloud' | 'services' | 'deploy'>
  readonly artifacts: Readonly<Record<string, string>>
}
export type PlannedEnvironment = {
  readonly name: string
  readonly kind: EnvironmentSpec['kind']
  readonly spec: EnvironmentSpec
  readonly release: string | null
}
export type Present = {
  readonly host: string
  readonly service: string
  readonly release: string
  readonly artifact: string
  readonly identity: string
}

/** One service on one host, from what it runs to what it shall run. `from` null: nothing runs there. */
export type Move = {
  readonly service: string
  readonly from: { readonly release: string; readonly artifact: string } | null
  readonly to: { readonly release: string; readonly artifact: string }
}

export type PlanItem = {
  readonly index: number
  readonly wave: number
  readonly step: string
  readonly host: string
  readonly services: readonly string[]
  readonly moves: readonly Move[]
  readonly does: 'install' | 'restart' | 'run'
  /** A rollback's items carry out the undo of what was done (and their undo does it again). */
  readonly reversed: boolean
  readonly command: string | null
  readonly undoCommand: string | null
  readonly drain: string | null
  readonly undrain: string | null
  readonly check: CheckSpec | null
  readonly action: string
  readonly undo: string | null
  readonly rerun: boolean
  readonly changesDatabase: boolean
  readonly onFailure: 'undo' | 'hold'
  readonly timeLimitMs: number
  readonly expectedMs: number | null
}
export type Unchanged = { readonly host: string; readonly service: string; readonly because: string }
export type Plan = {
  readonly hash: string
  readonly kind: 'deploy' | 'rehearsal' | 'rollback'
  readonly environment: string
  readonly release: string
  readonly from: string | null
  readonly items: readonly PlanItem[]
  /** What needs no work, with the reason. `service` may also name a step (`step migrate`). */
  readonly unchanged: readonly Unchanged[]
  readonly warnings: readonly string[]
  readonly expectedMs: number | null
}

export type Expected = (step: string, services: readonly string[]) => number | null
export type PlanInput = {
  readonly kind: 'deploy' | 'rehearsal'
  readonly environment: PlannedEnvironment
  readonly release: PlannedRelease
  /** The environment's present release, when it is known. */
  readonly before: PlannedRelease | undefined
  /** Steps whose watched paths changed between that one and this (or cannot be told); all count when there is none before. */
  readonly touched: ReadonlySet<string>
  readonly present: readonly Present[]
  readonly identityOf: (host: string, service: string, artifact: string) => string
  readonly expected: Expected
  readonly hashOf: (value: unknown) => string
}

type Host = { readonly name: string; readonly roles: ReadonlySet<string> }

export function planDeployment(input: PlanInput): Plan {
  const { environment, release } = input
  const hosts = Object.entries(environment.spec.hosts).map(([name, spec]): Host => ({ name, roles: new Set(spec.roles) }))
  const present = new Map(input.present.map((it) => [`${it.host}\n${it.service}`, it]))
  const unchanged: Unchanged[] = []
  const moves = new Map<string, Move>()
  for (const host of hosts) {
    for (const service of Object.keys(release.config.services)) {
      if (!host.roles.has(service)) continue
      const artifact = release.artifacts[service]
      if (artifact === undefined) continue
      const now = present.get(`${host.name}\n${service}`)
      if (now !== undefined && now.identity === input.identityOf(host.name, service, artifact)) {
        unchanged.push({ host: host.name, service, because: `same build and configuration as ${now.release}` })
        continue
      }
      moves.set(`${host.name}\n${service}`, {
        service,
        from: now === undefined ? null : { release: now.release, artifact: now.artifact },
        to: { release: release.name, artifact },
      })
    }
  }

  const warnings: string[] = []
  const items: PlanItem[] = []
  let wave = 0
  for (const step of release.config.deploy) {
    const found = itemsOf(step, hosts, moves, input, warnings, unchanged)
    const batch = step.batch ?? (does(step) === 'restart' ? 1 : Math.max(found.length, 1))
    for (let start = 0; start < found.length; start += batch, wave++) {
      for (const item of found.slice(start, start + batch)) items.push({ ...item, index: items.length, wave })
    }
  }
  warnings.push(...leftovers(input, hosts, items), ...directionOf(input))
  const body = {
    kind: input.kind,
    environment: environment.name,
    release: release.name,
    from: environment.release,
    items,
    unchanged,
    warnings,
    expectedMs: expectedMsOf(items),
  }
  // The hash names what would be done, not how long it took elsewhere: a second rehearsal must not void an approval.
  const promise = {
    ...body,
    releaseId: release.id,
    expectedMs: undefined,
    items: items.map((item) => ({ ...item, expectedMs: undefined })),
  }
  return { hash: input.hashOf(promise), ...body }
}

const does = (step: StepSpec): PlanItem['does'] => (step.run !== undefined ? 'run' : step.step === 'restart' ? 'restart' : 'install')

function itemsOf(
  step: StepSpec,
  hosts: readonly Host[],
  moves: ReadonlyMap<string, Move>,
  input: PlanInput,
  warnings: string[],
  unchanged: Unchanged[],
): PlanItem[] {
  const kind = does(step)
  // Hosts come in the order of the roles that the step names, so `on: [edge, web]` touches the edge first.
  const targets = [...new Set(step.on.flatMap((role) => hosts.filter((host) => host.roles.has(role))))]
  if (targets.length === 0) {
    warnings.push(`No host of ${input.environment.name} has a role of step ${step.step} (${step.on.join(', ')}); it does nothing here.`)
    return []
  }
  if (kind === 'run' && step.watch !== undefined && input.before !== undefined && !input.touched.has(step.step)) {
    unchanged.push({
      host: (targets[0] as Host).name,
      service: `step ${step.step}`,
      because: `nothing under ${step.watch.join(', ')} changed since ${input.before.name}`,
    })
    return []
  }
  const chosen = step.once ? targets.slice(0, 1) : targets
  return chosen.flatMap((host) => {
    const services = step.on.filter((role) => host.roles.has(role) && input.release.config.services[role] !== undefined)
    const moving = services.flatMap((service) => moves.get(`${host.name}\n${service}`) ?? [])
    if (kind !== 'run' && moving.length === 0) return []
    return [oneItem(step, kind, host.name, kind === 'run' ? services : moving.map((move) => move.service), moving, input)]
  })
}

function oneItem(
  step: StepSpec,
  kind: PlanItem['does'],
  host: string,
  services: readonly string[],
  moving: readonly Move[],
  input: PlanInput,
): PlanItem {
  const changesDatabase = step.changes === 'database' || (kind === 'run' && step.watch !== undefined)
  return {
    index: 0,
    wave: 0,
    step: step.step,
    host,
    services,
    moves: moving,
    does: kind,
    reversed: false,
    command: step.run ?? null,
    undoCommand: step.undo ?? null,
    drain: step.drain ?? null,
    undrain: step.undrain ?? null,
    check: step.check ?? null,
    action: step.run ?? `${kind} ${moving.map((move) => `${move.service}@${move.to.release}`).join(', ')}`,
    undo: kind === 'run' ? (step.undo ?? null) : moving.map((move) => wayBack(kind, move)).join(', '),
    // What is built in is made of orders that a host carries out once; only the user's own commands can be in doubt.
    rerun: kind === 'run' ? step.rerun : true,
    changesDatabase,
    onFailure: step.onFailure,
    timeLimitMs: step.within,
    expectedMs: input.expected(step.step, services),
  }
}

function wayBack(kind: PlanItem['does'], move: Move): string {
  if (move.from !== null) return `back to ${move.service}@${move.from.release}`
  return kind === 'install' ? `no ${move.service} installed` : `stop ${move.service}`
}

/** Services that run here but are not in the release: left alone, and said. */
function leftovers(input: PlanInput, hosts: readonly Host[], items: readonly PlanItem[]): string[] {
  const known = new Set(hosts.flatMap((host) => [...host.roles].map((role) => `${host.name}\n${role}`)))
  const gone = input.present.filter(
    (it) => input.release.config.services[it.service] === undefined || !known.has(`${it.host}\n${it.service}`),
  )
  const said = gone.map(
    (it) => `${it.service} still runs on ${it.host} (${it.release}), but ${input.release.name} has no place for it; it is left alone.`,
  )
  const restarted = new Set(
    items.filter((item) => item.does === 'restart').flatMap((item) => item.moves.map((move) => `${item.host}\n${move.service}`)),
  )
  const never = items
    .filter((item) => item.does === 'install')
    .flatMap((item) =>
      item.moves.filter((move) => !restarted.has(`${item.host}\n${move.service}`)).map((move) => `${move.service} on ${item.host}`),
    )
  if (never.length > 0)
    said.push(
      `No restart step covers ${never.slice(0, 5).join(', ')}${never.length > 5 ? ' and others' : ''}: the new build is installed, the old one goes on running.`,
    )
  return said
}

function directionOf(input: PlanInput): string[] {
  const { before, release } = input
  if (before === undefined || before.cutAt <= release.cutAt) return []
  return [
    `${release.name} was cut before ${before.name}: this deploys it anew and undoes no database step. To go back by the undo path: belay rollback ${input.environment.name}.`,
  ]
}

/** The time of the waves one after the other, each as long as its longest item; null when any is unknown. */
export function expectedMsOf(items: readonly PlanItem[]): number | null {
  const longest = new Map<number, number>()
  for (const item of items) {
    if (item.expectedMs === null) return null
    longest.set(item.wave, Math.max(longest.get(item.wave) ?? 0, item.expectedMs))
  }
  return longest.size === 0 ? null : [...longest.values()].reduce((sum, ms) => sum + ms, 0)
}

/**
 * The way back over a deployment that passed: what it did, in reverse order, each by its undo. Pure.
 * @returns the plan, or the sentence why there is no way back.
 */
export function planRollback(it: {
  plan: Plan
  done: ReadonlySet<number>
  to: string | null
  expected: (index: number) => number | null
  hashOf: (value: unknown) => string
}): { plan: Plan } | { refused: string } {
  const { plan, done } = it
  const walked = plan.items.filter((item) => done.has(item.index))
  const stuck = walked.find((item) => item.changesDatabase && item.undo === null)
  if (stuck !== undefined) return { refused: `its step ${stuck.step} changed a database on ${stuck.host} and has no undo` }
  const waves = [...new Set(walked.map((item) => item.wave))].sort((a, b) => b - a)
  const items = waves
    .flatMap((wave, position) =>
      walked.filter((item) => item.wave === wave && item.undo !== null).map((item) => ({ item, wave: position })),
    )
    .map(
      ({ item, wave }, index): PlanItem => ({
        ...item,
        index,
        wave,
        reversed: !item.reversed,
        action: item.undo ?? '',
        undo: item.action,
        expectedMs: it.expected(item.index),
      }),
    )
  const body = {
    kind: 'rollback' as const,
    environment: plan.environment,
    release: it.to ?? plan.release,
    from: plan.release,
    items,
    unchanged: plan.unchanged,
    warnings: it.to === null ? [`Nothing was here before ${plan.release}: its services are stopped.`] : [],
    expectedMs: expectedMsOf(items),
  }
  return {
    plan: {
      hash: it.hashOf({ ...body, expectedMs: undefined, items: items.map((item) => ({ ...item, expectedMs: undefined })) }),
      ...body,
    },
  }
}
