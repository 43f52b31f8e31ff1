/**
 * Services: commands that are to run until told otherwise. They outlive this program; the next agent knows them again
 * and takes them up. One that ends by itself is started again, after a pause that doubles.
 *
 *   services/<name>/spec.json    what is to run (mode 0600: its environment may hold secrets)
 *   services/<name>/state.json   whether it is to run, and which process it is
 *   services/<name>/log, log.1   what it printed
 */
import { spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { canonicalJson, systemClock } from '@belay/base'
import type { ParsedOrder, ParsedServiceSpec, Results, ServiceStatus } from '@belay/exec'
import { ServiceLog } from './logs.ts'
import { placeText, workFolder } from './place.ts'
import { becomesFree, holderOf } from './ports.ts'
import { agentProblem } from './problems.ts'
import {
  endGroup,
  type Exit,
  ground,
  groupLives,
  type Identity,
  identify,
  isAlive,
  ofChild,
  ofStranger,
  type Running,
  sayExit,
  signalGroup,
} from './processes.ts'
import { turns } from './turns.ts'

/** A process that lives so long did not fail at once: a missing file or module shows within a few milliseconds. */
const firstBreathMs = 50
/** From a blink to half a minute: a database that is away for a moment costs little, one that is away for long no CPU. */
const pauseMsMin = 250
const pauseMsMax = 30_000
/** Up for so long, the next crash is a new story and begins with the shortest pause. */
const steadyMs = 60_000
/** The kernel lets go of a port with the last of the group; anything longer is a stranger. */
const portFreeMs = 5_000
/** Shown with a failure to start: a stack trace with its message. */
const lastLinesShown = 12

/** It waits for a line before it begins: by then state.json is on the disk, so nothing runs that nobody knows. */
const script = 'read -r go || exit 75; exec /bin/sh -c "$1" </dev/null'

type State = {
  readonly desired: 'running' | 'stopped'
  readonly process: Identity | null
  readonly startedAt: number | null
  readonly restarts: number
  /** The key of the order that made it run as it does. */
  readonly by: string
  /** Why it does not run although it was to. */
  readonly because: string | null
}

export class Services {
  readonly #root: string
  readonly #folder: string
  readonly #all = new Map<string, Service>()

  constructor(root: string) {
    this.#root = root
    this.#folder = join(root, 'services')
    if (existsSync(this.#folder)) for (const name of readdirSync(this.#folder)) this.#all.set(name, new Service(root, name))
  }

  get busy(): boolean {
    return [...this.#all.values()].some((service) => service.busy)
  }

  /** False when somebody deleted the folder under it. */
  get standing(): boolean {
    return !this.busy || existsSync(this.#folder)
  }

  named(name: string): Service {
    let service = this.#all.get(name)
    if (service === undefined) {
      if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) {
        throw agentProblem('bad-order', { why: `${JSON.stringify(name)} is no name for a service (letters, digits, dots and dashes)` })
      }
      service = new Service(this.#root, name)
      this.#all.set(name, service)
    }
    return service
  }

  /** Undefined when it never ran here. */
  known(name: string): Service | undefined {
    return this.#all.get(name)
  }

  statuses(): ServiceStatus[] {
    return [...this.#all.values()].flatMap((service) => service.status() ?? []).sort((a, b) => (a.service < b.service ? -1 : 1))
  }

  /** Takes up what runs, and starts what should. */
  resume(): void {
    for (const service of this.#all.values()) service.resume()
  }

  rotate(): void {
    for (const service of this.#all.values()) service.rotate()
  }

  async haltAll(): Promise<void> {
    await Promise.all([...this.#all.values()].map((service) => service.stop()))
  }
}

export class Service {
  readonly log: ServiceLog
  readonly #root: string
  readonly #name: string
  readonly #folder: string
  readonly #turn = turns()
  #spec: ParsedServiceSpec | undefined
  #state: State = { desired: 'stopped', process: null, startedAt: null, restarts: 0, by: '', because: null }
  #running: Running | undefined
  #startedMs = 0
  /** Crashes in a row. */
  #crashes = 0
  #retry: NodeJS.Timeout | undefined

  constructor(root: string, name: string) {
    this.#root = root
    this.#name = name
    this.#folder = join(root, 'services', name)
    this.log = new ServiceLog(join(this.#folder, 'log'))
    this.#spec = readJson<ParsedServiceSpec>(join(this.#folder, 'spec.json'))
    this.#state = readJson<State>(join(this.#folder, 'state.json')) ?? this.#state
  }

  get busy(): boolean {
    return this.#running !== undefined || this.#state.desired === 'running'
  }

  /** Undefined when it was never to run. */
  status(): ServiceStatus | undefined {
    if (this.#spec === undefined) return undefined
    const { desired, startedAt, restarts, because } = this.#state
    const running = this.#running !== undefined
    return {
      service: this.#name,
      label: this.#spec.label,
      state: running ? 'running' : desired === 'running' || because !== null ? 'failing' : 'stopped',
      pid: this.#running?.identity.pid ?? null,
      sinceAt: running ? startedAt : null,
      restarts,
      because: running ? null : because,
    }
  }

  ensure({ key, spec, anew }: ParsedOrder<'ensure'>): Promise<Results['ensure']> {
    return this.#turn(async () => {
      const mine = this.#state.by === key
      if (this.#running !== undefined && !this.#running.hasEnded() && same(this.#spec, spec) && (!anew || mine)) {
        return { pid: this.#running.identity.pid, startedAt: this.#state.startedAt ?? 0, started: mine }
      }
      // Before the old one is stopped: what can be refused without harm is.
      workFolder(this.#root, spec.cwd)
      await this.#refuseStranger(spec)
      await this.#end()
      this.#crashes = 0
      // Saved with the process, before that begins.
      this.#state = { desired: 'stopped', process: null, startedAt: null, restarts: 0, by: key, because: null }
      return this.#firstStart(spec)
    })
  }

  halt(): Promise<Results['halt']> {
    return this.#turn(async () => {
      const stopped = this.#running !== undefined
      // First the wish, then the deed: an agent that starts in between finishes it.
      if (this.#spec !== undefined) await this.#save({ ...this.#state, desired: 'stopped', because: null })
      await this.#end()
      if (this.#spec !== undefined) await this.#save({ ...this.#state, process: null })
      return { stopped }
    })
  }

  /** As `halt`, without writing anything down: for a folder that is going away, or gone. */
  stop(): Promise<void> {
    return this.#turn(async () => {
      this.#state = { ...this.#state, desired: 'stopped' }
      await this.#end()
    })
  }

  /** What takes time (stopping, starting) goes on while others may already ask. */
  resume(): void {
    const { process: identity, desired } = this.#state
    const report = (error: unknown) => console.error(`${this.#folder} was not taken up:`, error)
    if (identity !== null && isAlive(identity)) {
      this.#watch(ofStranger(identity))
      // The last agent died while it stopped it, or before it knew whether it would live.
      if (desired === 'stopped') this.halt().catch(report)
    } else if (desired === 'running') {
      this.#turn(async () => {
        if (identity !== null && groupLives(identity)) await endGroup(identity, 0)
        await this.#save({ ...this.#state, process: null, because: this.#because({ code: null, signal: null }) })
        this.#startLater(0)
      }).catch(report)
    }
  }

  rotate(): void {
    if (this.#spec !== undefined) this.log.rotateWhenOver(this.#spec.logBytesMax)
  }

  async #firstStart(spec: ParsedServiceSpec): Promise<Results['ensure']> {
    try {
      if (spec.port !== undefined && !(await becomesFree(spec.port, portFreeMs))) await this.#refuseStranger(spec)
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
      await placeText(this.#root, join(this.#folder, 'spec.json'), JSON.stringify(spec), 0o600)
      this.#spec = spec
      const logBefore = this.log.size()
      const running = await this.#start(spec, 0)
      const exit = await Promise.race([running.ended, systemClock.sleep(firstBreathMs)])
      if (exit !== undefined) {
        const lastLines = this.log.lastLines(lastLinesShown, logBefore)
        throw agentProblem('service-exits', { service: this.#name, how: sayExit(exit), lastLines })
      }
      await this.#save({ ...this.#state, desired: 'running', because: null })
      this.#watch(running)
      return { pid: running.identity.pid, startedAt: this.#state.startedAt ?? 0, started: true }
    } catch (error) {
      // Whoever ordered it decides what is to run instead: it is not tried again behind their back.
      const left = this.#state.process
      if (left !== null) await endGroup(left, 0)
      const because = error instanceof Error ? (error.message.split('\n')[0] as string) : String(error)
      await this.#save({ ...this.#state, desired: 'stopped', process: null, startedAt: null, because }).catch(() => {})
      throw error
    }
  }

  /** The process is on record before it begins. */
  async #start(spec: ParsedServiceSpec, restarts: number): Promise<Running> {
    const cwd = workFolder(this.#root, spec.cwd)
    const log = openSync(this.log.path, 'a', 0o600)
    let child: ReturnType<typeof spawn>
    try {
      child = spawn('/bin/sh', ['-c', script, this.#name, spec.shell], {
        cwd,
        env: { ...ground(), ...spec.env },
        detached: true,
        stdio: ['pipe', log, log],
      })
      await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject))
    } finally {
      closeSync(log)
    }
    child.stdin?.on('error', () => {})
    child.unref()
    const identity = identify(child.pid as number)
    if (identity === undefined) throw new Error('the command ended before it began')
    const running = ofChild(child, identity)
    try {
      await this.#save({ ...this.#state, process: identity, startedAt: Date.now(), restarts })
    } catch (error) {
      child.stdin?.destroy()
      throw error
    }
    this.#startedMs = performance.now()
    child.stdin?.end('go\n')
    return running
  }

  #watch(running: Running): void {
    this.#running = running
    void running.ended.then((exit) =>
      this.#turn(async () => {
        // Otherwise it was stopped on purpose.
        if (this.#running === running) await this.#crashed(running, exit)
      }),
    )
  }

  async #crashed(running: Running, exit: Exit): Promise<void> {
    this.#running = undefined
    // Workers that lost their leader would keep its port.
    signalGroup(running.identity, 'SIGKILL')
    this.#crashes = performance.now() - this.#startedMs >= steadyMs ? 1 : this.#crashes + 1
    await this.#save({ ...this.#state, process: null, because: this.#because(exit) }).catch(() => {})
    this.#startLater(Math.min(pauseMsMax, pauseMsMin * 2 ** (this.#crashes - 1)))
  }

  #startLater(pauseMs: number): void {
    clearTimeout(this.#retry)
    this.#retry = setTimeout(() => {
      void this.#turn(async () => {
        const spec = this.#spec
        if (spec === undefined || this.#state.desired === 'stopped' || this.#running !== undefined) return
        try {
          await this.#refuseStranger(spec)
          this.#watch(await this.#start(spec, this.#state.restarts + 1))
        } catch (error) {
          this.#crashes++
          this.#state = { ...this.#state, process: null, because: error instanceof Error ? error.message : String(error) }
          this.#startLater(Math.min(pauseMsMax, pauseMsMin * 2 ** (this.#crashes - 1)))
        }
      })
    }, pauseMs)
  }

  /** Stops what runs, and all tries to start it. */
  async #end(): Promise<void> {
    clearTimeout(this.#retry)
    const running = this.#running
    this.#running = undefined
    if (running !== undefined) await endGroup(running.identity, this.#spec?.stopMs ?? 0)
  }

  async #refuseStranger(spec: ParsedServiceSpec): Promise<void> {
    if (spec.port === undefined) return
    const holder = await holderOf(spec.port)
    if (holder === undefined || (this.#running !== undefined && holder.group === this.#running.identity.pid)) return
    throw agentProblem('port-taken', { service: this.#name, port: spec.port, pid: holder.pid, command: holder.command })
  }

  #because(exit: Exit): string {
    const last = this.log.lastLines(1)[0]
    return last === undefined ? sayExit(exit) : `${sayExit(exit)}; it logged last: ${last.slice(0, 500)}`
  }

  async #save(state: State): Promise<void> {
    this.#state = state
    // Its folder may have been deleted under it; then there is nothing to remember either.
    if (existsSync(this.#folder)) await placeText(this.#root, join(this.#folder, 'state.json'), JSON.stringify(state), 0o600)
  }
}

function same(a: ParsedServiceSpec | undefined, b: ParsedServiceSpec): boolean {
  return canonicalJson(a) === canonicalJson(b)
}

function readJson<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T
  } catch {
    return undefined
  }
}
