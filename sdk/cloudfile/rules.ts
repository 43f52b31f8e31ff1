/**
 * What a schema cannot say: names that refer to each other, members that exclude each other. Works on the file as
 * written, even where other parts of it are wrong, so that a person sees everything at once; a rule keeps silent
 * about what it cannot read.
 */
import { checkRule } from '@belay/flag-evaluator'
import { misnamedBudgets } from './call-budgets.ts'
import { brokenCallRules } from './call-rules.ts'
import { type Finding, type Path, show } from './finding.ts'
import { suggestion } from './nearest.ts'

type Bag = Readonly<Record<string, unknown>>
type Host = {
  readonly path: Path
  readonly name: string
  readonly local: boolean
  /** Undefined when they cannot be read. */
  readonly roles: readonly string[] | undefined
  readonly ports: readonly (readonly [service: string, port: unknown])[]
}
type Environment = {
  readonly path: Path
  readonly name: string
  readonly kind: unknown
  readonly hosts: readonly Host[]
  readonly tests: Bag
}
type Step = {
  readonly path: Path
  readonly name: string | undefined
  readonly raw: Bag
  readonly roles: readonly { role: string; path: Path }[]
}
type Sketch = {
  readonly services: ReadonlyMap<string, Bag>
  readonly environments: readonly Environment[]
  readonly steps: readonly Step[]
  /** False when some host's roles cannot be read: then nobody can say that a role is missing. */
  readonly allRolesKnown: boolean
}

export const builtInSteps = ['install', 'restart'] as const
const isBuiltIn = (name: string | undefined): boolean => name !== undefined && (builtInSteps as readonly string[]).includes(name)

export function brokenRules(raw: unknown): readonly Finding[] {
  const sketch = sketchOf(raw)
  return [
    ...stepsNameWork(sketch),
    ...stepsNameRoles(sketch),
    ...checksHaveAPort(sketch),
    ...servicesHaveHosts(sketch),
    ...qaCoversProduction(sketch),
    ...testsNameRoles(sketch),
    ...servicesWithPathsHavePorts(sketch),
    ...portsFit(sketch),
    ...ringsMakeALadder(raw),
    ...brokenCallRules(bag(bag(raw).calls)),
    ...misnamedBudgets(bag(bag(raw).calls)),
  ]
}

function stepsNameWork({ steps }: Sketch): Finding[] {
  return steps.flatMap(({ path, name, raw }) => {
    const found: Finding[] = []
    if (name !== undefined && !isBuiltIn(name) && raw.run === undefined) {
      const near = suggestion(name, builtInSteps).replace(/; allowed.*/, '')
      found.push({ path: [...path, 'step'], at: 'value', message: `${show(name)} needs run; only install and restart are built in${near}` })
    }
    if (isBuiltIn(name) && raw.run === undefined && raw.undo !== undefined) {
      found.push({ path: [...path, 'undo'], at: 'key', message: `undo belongs to run; ${name} brings back the release before by itself` })
    }
    if (raw.once === true && raw.batch !== undefined) {
      found.push({
        path: [...path, 'batch'],
        at: 'key',
        message: 'once runs on a single host, so batch has no meaning; leave one of them out',
      })
    }
    return found
  })
}

function stepsNameRoles(sketch: Sketch): Finding[] {
  const roles = rolesOf(sketch.environments)
  if (!sketch.allRolesKnown || roles.length === 0) return []
  return sketch.steps.flatMap((step) =>
    step.roles
      .filter(({ role }) => !roles.includes(role))
      .map(({ role, path }) => ({ path, at: 'value' as const, message: `no host has the role ${role}${suggestion(role, roles)}` })),
  )
}

function checksHaveAPort({ steps, services }: Sketch): Finding[] {
  if (services.size === 0) return []
  return steps.flatMap(({ path, raw, roles }): Finding[] => {
    const check = bag(raw.check)
    const kind = check.http !== undefined ? 'http' : check.tcp !== undefined ? 'tcp' : undefined
    if (kind === undefined || roles.length === 0) return []
    const its = roles.filter(({ role }) => services.has(role))
    const without = its.filter(({ role }) => services.get(role)?.port === undefined).map(({ role }) => role)
    const at = { path: [...path, 'check', kind], at: 'value' as const }
    if (its.length === 0) return [{ ...at, message: `no role of this step is a service, so nothing answers ${kind}; use run` }]
    return without.length === 0
      ? []
      : [{ ...at, message: `${without.join(' and ')} ${without.length === 1 ? 'has' : 'have'} no port; give it one, or use run` }]
  })
}

function servicesHaveHosts(sketch: Sketch): Finding[] {
  if (!sketch.allRolesKnown || sketch.environments.length === 0) return []
  const shared = sketch.environments.filter(({ kind }) => kind === 'production' || kind === 'qa')
  const roles = rolesOf(shared.length > 0 ? shared : sketch.environments)
  const where = shared.length > 0 ? 'no host of production or qa' : 'no host'
  return [...sketch.services.keys()]
    .filter((service) => !roles.includes(service))
    .map((service) => ({ path: ['services', service], at: 'key', message: `${where} has the role ${service}, so it would run nowhere` }))
}

function qaCoversProduction(sketch: Sketch): Finding[] {
  if (!sketch.allRolesKnown) return []
  const inProduction = rolesOf(sketch.environments.filter(({ kind }) => kind === 'production')).filter((role) => sketch.services.has(role))
  return sketch.environments
    .filter(({ kind }) => kind === 'qa')
    .flatMap((environment) => {
      const missing = inProduction.filter((service) => !rolesOf([environment]).includes(service))
      return missing.map((service) => ({
        path: [...environment.path, 'hosts'],
        at: 'key' as const,
        message: `no host has the role ${service}, which production runs; a rehearsal here could not try it`,
      }))
    })
}

function testsNameRoles({ environments }: Sketch): Finding[] {
  return environments.flatMap((environment) => {
    const role = environment.tests.on
    if (typeof role !== 'string' || environment.hosts.some((host) => host.roles === undefined)) return []
    const roles = rolesOf([environment])
    if (roles.includes(role)) return []
    const path = [...environment.path, 'tests', 'on']
    return [{ path, at: 'value' as const, message: `no host of ${environment.name} has the role ${role}${suggestion(role, roles)}` }]
  })
}

function servicesWithPathsHavePorts({ services }: Sketch): Finding[] {
  return [...services].flatMap(([name, service]) => {
    if (service.port !== undefined) return []
    return (['health', 'open'] as const)
      .filter((member) => service[member] !== undefined && service[member] !== false)
      .map((member) => ({ path: ['services', name, member], at: 'key' as const, message: `${member} needs a port; add one to ${name}` }))
  })
}

function portsFit({ environments, services }: Sketch): Finding[] {
  const found: Finding[] = []
  const taken = new Map<number, string>()
  for (const environment of environments) {
    for (const host of environment.hosts) {
      for (const [service, port] of host.ports) {
        const path = [...host.path, 'ports', service]
        if (services.size > 0 && !services.has(service)) {
          found.push({ path, at: 'key', message: `there is no service ${service}${suggestion(service, [...services.keys()])}` })
        } else if (host.roles !== undefined && !host.roles.includes(service)) {
          found.push({ path, at: 'key', message: `${host.name} does not have the role ${service}, so nothing there uses this port` })
        }
        if (!host.local || typeof port !== 'number') continue
        const place = `${service} on ${environment.name}/${host.name}`
        const other = taken.get(port)
        if (other !== undefined) found.push({ path, at: 'value', message: `${port} is taken by ${other}; local hosts share one machine` })
        else taken.set(port, place)
      }
    }
  }
  return found
}

/** The ring of everybody, which is always the highest. */
const everybody = 'all'

function ringsMakeALadder(raw: unknown): Finding[] {
  const { rings } = bag(raw)
  if (!Array.isArray(rings)) return []
  const names = rings.map((ring: unknown) => (typeof ring === 'string' ? ring : Object.keys(bag(ring))[0]))
  return rings.flatMap((ring: unknown, index): Finding[] => {
    const name = names[index]
    if (name === undefined) return []
    const path = ['rings', index]
    if (names.indexOf(name) < index) return [{ path, at: 'value', message: `${name} is a ring of this ladder already` }]
    if (name !== everybody && typeof ring === 'string')
      return [
        { path, at: 'value', message: `${name} needs to say who is in it: where (a rule) or segment; only ${everybody} is everybody` },
      ]
    if (name !== everybody) return ruleIsGood([...path, name, 'where'], bag(bag(ring)[name]).where)
    if (typeof ring !== 'string') return [{ path, at: 'value', message: `${everybody} is everybody and takes no rule` }]
    return index === rings.length - 1
      ? []
      : [{ path, at: 'value', message: `${everybody} is the last ring; nobody would be left for those after it` }]
  })
}

function ruleIsGood(path: Path, rule: unknown): Finding[] {
  if (rule === undefined) return []
  return checkRule(rule)
    .slice(0, 1)
    .map(({ message }) => ({
      path,
      at: 'value',
      message: `${show(rule)} is not a good rule: ${message.charAt(0).toLowerCase()}${message.slice(1).replace(/[.]$/, '')}`,
    }))
}

const rolesOf = (environments: readonly Environment[]): string[] => [
  ...new Set(environments.flatMap(({ hosts }) => hosts.flatMap(({ roles }) => roles ?? []))),
]

function sketchOf(raw: unknown): Sketch {
  const file = bag(raw)
  const environments = Object.entries(bag(file.environments)).map(([name, value]): Environment => {
    const environment = bag(value)
    const path = ['environments', name]
    const hosts = Object.entries(bag(environment.hosts)).map(([hostName, it]) => hostOf([...path, 'hosts', hostName], hostName, bag(it)))
    return { path, name, kind: environment.kind, hosts, tests: bag(environment.tests) }
  })
  const steps = (Array.isArray(file.deploy) ? file.deploy : []).map((value: unknown, index): Step => {
    const step = bag(value)
    const path = ['deploy', index]
    return { path, name: typeof step.step === 'string' ? step.step : undefined, raw: step, roles: rolesOfStep([...path, 'on'], step.on) }
  })
  return {
    services: new Map(Object.entries(bag(file.services)).map(([name, service]) => [name, bag(service)])),
    environments,
    steps,
    allRolesKnown: environments.every(({ hosts }) => hosts.length > 0 && hosts.every(({ roles }) => roles !== undefined)),
  }
}

function hostOf(path: Path, name: string, host: Bag): Host {
  const roles = host.roles
  return {
    path,
    name,
    local: host.driver === undefined || host.driver === 'local',
    roles: Array.isArray(roles) && roles.every((role) => typeof role === 'string') ? roles : undefined,
    ports: Object.entries(bag(host.ports)),
  }
}

function rolesOfStep(path: Path, on: unknown): Step['roles'] {
  if (typeof on === 'string') return [{ role: on, path }]
  if (!Array.isArray(on)) return []
  return on.flatMap((role: unknown, index) => (typeof role === 'string' ? [{ role, path: [...path, index] }] : []))
}

function bag(value: unknown): Bag {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Bag) : {}
}
