/**
 * One item on one host, there or back. Thin: it only carries out what the plan says, through orders that the host
 * carries out once; carried out again under the same key (after a crash of ours) it finds what is done already and
 * goes on behind it.
 */
import { type Clock, sayDuration, sentenceOf } from '@belay/base'
import type { CheckSpec } from '@belay/cloudfile'
import {
  type Environment,
  type Environments,
  type Host,
  identityOf,
  type Placement,
  type PortOf,
  softwareFolder,
  type Under,
} from '@belay/environments'
import { probeTimeoutMs, untilItHolds } from './check.ts'
import type { Direction } from './model/advance.ts'
import type { Move, Plan, PlanItem, PlannedRelease } from './model/plan.ts'
import type { Output } from './output.ts'

export type ItemContext = {
  readonly plan: Plan
  readonly item: PlanItem
  readonly direction: Direction
  /** The run's own name on the host: deployment, item, direction, attempt. */
  readonly key: string
  readonly fence: number
  readonly environment: Environment
  readonly environments: Environments
  readonly host: Host
  readonly portOf: PortOf
  readonly release: (name: string) => Promise<PlannedRelease>
  readonly artifactPath: (sha256: string) => string
  readonly outputKept: (job: string) => Promise<number>
  readonly output: Output
  readonly clock: Clock
  readonly lost: AbortSignal
}
export type ItemEnd = {
  readonly state: 'done' | 'failed' | 'interrupted'
  readonly because: string | null
  readonly outputHash: string
  /** What runs now where this item has changed it; null: nothing any more. */
  readonly placed: readonly { readonly service: string; readonly placement: Placement | null }[]
}

class Failed extends Error {}
class InDoubt extends Error {}

export async function carryOut(it: ItemContext): Promise<ItemEnd> {
  const placed: { service: string; placement: Placement | null }[] = []
  const end = async (state: ItemEnd['state'], because: string | null): Promise<ItemEnd> => {
    await it.output.flush()
    return { state, because, outputHash: it.output.hash(), placed }
  }
  try {
    const back = (it.direction === 'undo') !== it.item.reversed
    if (it.item.does === 'install') for (const move of ordered(it.item.moves, back)) await install(it, move, back)
    else if (it.item.does === 'restart') for (const move of ordered(it.item.moves, back)) await restart(it, move, back, placed)
    else await command(it, back)
    return await end('done', null)
  } catch (error) {
    // Somebody else holds the lease now, or we are told to stop: nothing may be recorded as an end.
    if (it.lost.aborted) throw it.lost.reason
    it.output.say(sentenceOf(error))
    return end(error instanceof InDoubt ? 'interrupted' : 'failed', sentenceOf(error))
  }
}

const ordered = (moves: readonly Move[], back: boolean) => (back ? [...moves].reverse() : moves)
const under = (it: ItemContext, part: string): Under => ({ key: `${it.key}/${part}`, fence: it.fence })

async function install(it: ItemContext, move: Move, back: boolean): Promise<void> {
  const target = back ? move.from : move.to
  const current = `software/${move.service}/current`
  if (target === null) {
    await it.host.remove(under(it, `unlink/${move.service}`), current)
    it.output.say(`${move.service}: nothing was installed before; the link is removed`)
    return
  }
  const folder = softwareFolder(move.service, target.artifact)
  const archive = `artifacts/${target.artifact}.tgz`
  await it.host.put(under(it, `put/${move.service}`), { from: it.artifactPath(target.artifact), to: archive, sha256: target.artifact })
  await it.host.unpack(under(it, `unpack/${move.service}`), { archive, to: folder, sha256: target.artifact })
  // The folder has all of it now.
  await it.host.remove(under(it, `unput/${move.service}`), archive)
  const { before } = await it.host.link(under(it, `link/${move.service}`), { link: current, target: folder })
  it.output.say(
    `${move.service}@${target.release} (${target.artifact.slice(0, 12)}) ${back ? 'is current again' : 'unpacked beside the present one'}${before === null ? '' : `, was ${before.split('/').pop()}`}`,
  )
}

async function restart(
  it: ItemContext,
  move: Move,
  back: boolean,
  placed: { service: string; placement: Placement | null }[],
): Promise<void> {
  const { host, environment, environments, portOf, output } = it
  const target = back ? move.from : move.to
  const name = move.service
  // Going there, what runs is `from`; on the way back something runs in any case, well or not.
  const running = back || move.from !== null
  if (it.item.drain !== null && running) await drain(it, move, back)

  if (target === null) {
    await host.halt(under(it, `halt/${name}`), name)
    output.say(`${name}: nothing ran here before; stopped`)
    placed.push({ service: name, placement: null })
    return
  }
  const release = await it.release(target.release)
  const { spec, secrets } = await environments.serviceSpec({
    environment,
    config: release.config,
    host: host.name,
    service: name,
    release: target.release,
    artifact: target.artifact,
    portOf,
  })
  output.mask(secrets)
  const beganMs = it.clock.now()
  const started = await host.ensure(under(it, `ensure/${name}`), name, spec, { anew: true })
  output.say(
    `${name}@${target.release} started (pid ${started.pid}${spec.port === undefined ? '' : `, port ${spec.port}`}) after ${sayDuration(it.clock.now() - beganMs)}`,
  )
  placed.push({
    service: name,
    placement: {
      host: host.name,
      service: name,
      release: target.release,
      artifact: target.artifact,
      identity: identityOf(release.config, target.artifact, environment, host.name, name),
    },
  })
  const check = it.item.check ?? healthCheck(release, name)
  if (check !== null) await mustHold(it, check, name, release)
  if (it.item.undrain !== null && (running || it.item.drain === null))
    await hook(it, 'undrain', it.item.undrain, name, move.to.release, move.to.artifact)
}

async function drain(it: ItemContext, move: Move, back: boolean): Promise<void> {
  try {
    await hook(it, 'drain', it.item.drain as string, move.service, move.to.release, move.to.artifact)
  } catch (error) {
    // On the way back the host may be the very thing that is broken; it must not stop the rescue.
    if (!back || it.lost.aborted) throw error
    it.output.say(`going on without: ${sentenceOf(error)}`)
  }
}

/** Without a check of the step's own, a service that says how it is well is asked, and one that listens is knocked at. */
function healthCheck(release: PlannedRelease, service: string): CheckSpec | null {
  const spec = release.config.services[service]
  const times = { within: 30_000, every: 250, inARow: 2 }
  if (spec?.port === undefined) return null
  return spec.health === undefined ? { tcp: true, ...times } : { http: spec.health, ...times }
}

async function mustHold(it: ItemContext, check: CheckSpec, service: string, release: PlannedRelease): Promise<void> {
  const port = it.portOf(it.host.name, service)
  if (check.run === undefined && port === undefined) return
  const name = check.http !== undefined ? `http ${check.http}` : check.tcp ? `tcp ${port}` : (check.run ?? '')
  let round = 0
  const end = await untilItHolds({
    check,
    name,
    clock: it.clock,
    signal: it.lost,
    say: (line) => it.output.say(line),
    probe: async () => {
      if (check.http !== undefined) {
        const contains = check.contains?.replaceAll('${release}', release.name)
        return it.host.probe({
          kind: 'http',
          url: `http://${it.host.address}:${port}${check.http}`,
          timeoutMs: probeTimeoutMs,
          ...(contains === undefined ? {} : { contains }),
        })
      }
      if (check.tcp) return it.host.probe({ kind: 'tcp', address: it.host.address, port: port as number, timeoutMs: probeTimeoutMs })
      // The moment is in the key: a try after a crash of ours must look anew, not be told what an earlier one saw.
      const job = await shell(
        it,
        `check/${service}/${it.clock.now()}.${round++}`,
        check.run as string,
        service,
        release.name,
        release.artifacts[service] ?? '',
        Math.min(check.within, 60_000),
      )
      return { ok: job.exitCode === 0, says: `exit ${job.exitCode}` }
    },
  })
  if (end.held) return
  it.output.say(`the last lines of ${service}:`)
  for await (const line of it.host.logs(service, { lines: 15, follow: false, signal: AbortSignal.timeout(5_000) }))
    it.output.say(`  ${line}`)
  throw new Failed(end.because)
}

async function hook(it: ItemContext, what: string, text: string, service: string, release: string, artifact: string): Promise<void> {
  const beganMs = it.clock.now()
  const job = await shell(it, `${what}/${service}`, text, service, release, artifact, it.item.timeLimitMs)
  if (job.exitCode !== 0) throw new Failed(`${what} of ${service} failed: ${endOf(job, it.item.timeLimitMs)}`)
  it.output.say(`${service}: ${what}ed in ${sayDuration(it.clock.now() - beganMs)}`)
}

async function command(it: ItemContext, back: boolean): Promise<void> {
  const text = back ? it.item.undoCommand : it.item.command
  if (text === null) return
  // A rollback carries out the undo of the release that is left, in that release's folder.
  const release = await it.release(it.plan.kind === 'rollback' ? (it.plan.from ?? it.plan.release) : it.plan.release)
  const service = it.item.services[0]
  if (service === undefined) {
    throw new Failed(
      `none of the roles of step ${it.item.step} that ${it.item.host} has is a service, so there is no folder of the release to run in. Name a service's role in \`on\`.`,
    )
  }
  it.output.say(`$ ${text}`)
  const job = await shell(it, 'run', text, service, release.name, release.artifacts[service] ?? '', it.item.timeLimitMs)
  if (job.exitCode !== 0) throw new Failed(endOf(job, it.item.timeLimitMs))
  if (it.item.check !== null && !back) for (const name of it.item.services) await mustHold(it, it.item.check, name, release)
}

type ShellEnd = { exitCode: number; timedOut: boolean; lastLine: string }
const endOf = (job: ShellEnd, limitMs: number) =>
  `${job.timedOut ? `it ran longer than ${sayDuration(limitMs)} and was ended` : `exit ${job.exitCode}`}${job.lastLine === '' ? '' : `: ${job.lastLine}`}`

async function shell(
  it: ItemContext,
  part: string,
  text: string,
  service: string,
  release: string,
  artifact: string,
  timeLimitMs: number,
): Promise<ShellEnd> {
  const config = (await it.release(release)).config
  const { values, secrets } = await it.environments.variables({
    environment: it.environment,
    config,
    host: it.host.name,
    service,
    release,
    portOf: it.portOf,
  })
  it.output.mask(secrets)
  const env = { ...values, BELAY_STEP: it.item.step, BELAY_FROM_RELEASE: it.plan.from ?? '' }
  const job = { shell: text, cwd: softwareFolder(service, artifact), env, timeLimitMs }
  // Looking and draining may be done again without asking; only the step's own command is the user's to judge.
  const mayRepeat = part !== 'run' || it.item.rerun
  for (let round = 1; ; round++) {
    const own = under(it, round === 1 ? part : `${part}.${round}`)
    let lastLine = ''
    const end = await it.host.run(
      own,
      job,
      (piece) => {
        lastLine = piece.text.trimEnd().split('\n').pop() || lastLine
        it.output.piece(own.key, piece)
      },
      { fromOffset: await it.outputKept(own.key), signal: it.lost },
    )
    await it.output.flush()
    if (end.state === 'ended') return { exitCode: end.exitCode, timedOut: end.timedOut, lastLine: lastLine.slice(0, 300) }
    if (!mayRepeat || round >= 3) {
      const began = new Date(end.startedAt).toISOString()
      throw new InDoubt(
        `\`${text}\` began on ${it.host.name} at ${began}, and nobody knows how it ended (${end.because}). It does not say \`rerun: true\`, so a person has to look`,
      )
    }
    it.output.say(`nobody knows how \`${text}\` ended (${end.because}); it may be run again, so it is`)
  }
}
