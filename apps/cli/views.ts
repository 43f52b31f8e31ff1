/** How the things of Belay look in a terminal. Pure: data in, text out. */
import type {
  DeploymentSummaryWire,
  DeploymentWire,
  EnvironmentWire,
  FactWire,
  NowWire,
  PlanWire,
  ReleaseSummaryWire,
  ReleaseWire,
} from '@belay/protocol'
import { sayBytes, sayCount, sayDuration } from '@belay/base'
import { runOf, sayTook, wavesOf } from './news.ts'
import { beside, type Column, type Eye, pairs, sayWhen, sign, table, withSign } from './terminal.ts'

const shortSha = (sha: string): string => sha.slice(0, 8)

export function environmentTable(environments: readonly EnvironmentWire[], { look, paint }: Eye): string {
  const columns: Column<EnvironmentWire>[] = [
    { title: 'name', value: ({ name }) => name, shown: ({ name }) => paint('bold', name) },
    { title: 'kind', value: ({ kind }) => kind },
    { title: 'state', value: ({ state }) => state, shown: ({ state }) => withSign(state, paint) },
    { title: 'release', value: ({ release }) => release },
    { title: 'hosts', value: ({ hosts }) => hosts.length, align: 'right' },
    { title: 'deployed', value: ({ deployedAt }) => sayWhen(deployedAt, look) },
    {
      title: 'ends',
      value: ({ expiresAt }) => (expiresAt === null ? null : sayWhen(expiresAt, look)),
      shown: ({ expiresAt }) => (expiresAt === null ? '' : sayWhen(expiresAt, look)),
    },
    { title: 'because', value: ({ because }) => because, shown: ({ because }) => paint('dim', because ?? '') },
  ]
  const some = environments.some(({ expiresAt }) => expiresAt !== null)
  return table(environments, some || !look.terminal ? columns : columns.filter(({ title }) => title !== 'ends'), look, paint)
}

export function environmentView(it: EnvironmentWire, eye: Eye): string {
  const { look, paint } = eye
  const head = [
    ['environment', `${paint('bold', it.name)}${it.name === it.kind ? '' : ` (${it.kind})`}`],
    ['state', `${withSign(it.state, paint)}${it.because === null ? '' : `: ${it.because}`}`],
    ['release', it.release ?? 'none yet'],
    [
      'deployed',
      it.deployedAt === null ? null : `${sayWhen(it.deployedAt, look)}${it.lastDeployment === null ? '' : ` by ${it.lastDeployment}`}`,
    ],
    ['ends', it.expiresAt === null ? null : sayWhen(it.expiresAt, look)],
    ['lease', it.lease === null ? null : `${it.lease.owner}: ${it.lease.reason}, since ${sayWhen(it.lease.sinceAt, look)}`],
  ] as const
  const services = it.hosts.flatMap((host) => host.services.map((service) => ({ host, service })))
  const columns: Column<(typeof services)[number]>[] = [
    { title: 'host', value: ({ host }) => host.name },
    { title: 'service', value: ({ service }) => service.service, shown: ({ service }) => paint('bold', service.service) },
    { title: 'state', value: ({ service }) => service.state, shown: ({ service }) => withSign(service.state, paint) },
    { title: 'release', value: ({ service }) => service.release },
    { title: 'address', value: ({ service }) => service.url ?? service.address },
    { title: 'since', value: ({ service }) => sayWhen(service.sinceAt, look) },
    { title: 'restarts', value: ({ service }) => service.restarts, align: 'right' },
    { title: 'because', value: ({ service }) => service.because, shown: ({ service }) => paint('dim', service.because ?? '') },
  ]
  const body = table(services, columns, look, paint)
  if (!look.terminal) return body
  const lost = it.hosts
    .filter(({ reachable }) => !reachable)
    .map(({ name, because }) => `${sign('failed', paint)} ${name} cannot be reached: ${because ?? 'no reason is known'}`)
  return [
    pairs(head, eye),
    '',
    ...lost,
    services.length === 0 ? paint('dim', 'Nothing runs here yet. Start it with: belay up ' + it.name) : body,
  ].join('\n')
}

export function planView(plan: PlanWire, eye: Eye): string {
  const { look, paint } = eye
  const rows = wavesOf(plan).flatMap((wave, number) => wave.map((item) => ({ number: number + 1, item })))
  const columns: Column<(typeof rows)[number]>[] = [
    { title: 'wave', value: ({ number }) => number, align: 'right' },
    { title: 'step', value: ({ item }) => item.step, shown: ({ item }) => paint('bold', item.step) },
    { title: 'host', value: ({ item }) => item.host },
    { title: 'services', value: ({ item }) => item.services.join(' ') },
    {
      title: 'expected',
      value: ({ item }) => item.expectedMs,
      shown: ({ item }) => (item.expectedMs === null ? '–' : sayDuration(item.expectedMs)),
      align: 'right',
    },
    { title: 'does', value: ({ item }) => item.action },
    { title: 'undo', value: ({ item }) => item.undo, shown: ({ item }) => paint('dim', item.undo ?? 'none') },
  ]
  const body = table(rows, columns, look, paint)
  if (!look.terminal) return body
  const from = plan.from === null ? 'nothing' : plan.from
  return [
    `${paint('bold', `${plan.kind === 'rollback' ? 'Roll back' : 'Bring'} ${plan.environment} from ${from} to ${plan.release}`)}: ${sayCount(plan.items.length, 'item')} in ${sayCount(wavesOf(plan).length, 'wave')}${plan.expectedMs === null ? ', not timed by a rehearsal yet' : `, expected ${sayDuration(plan.expectedMs)}`}`,
    ...plan.warnings.map((warning) => `${sign('held', paint)} ${warning}`),
    '',
    plan.items.length === 0 ? paint('dim', 'Nothing to do.') : body,
    ...(plan.unchanged.length === 0
      ? []
      : ['', paint('dim', 'Left as it is:'), ...plan.unchanged.map((it) => paint('dim', `  ${it.service} on ${it.host}: ${it.because}`))]),
    '',
    paint('dim', `plan ${plan.hash}`),
  ].join('\n')
}

export function deploymentTable(deployments: readonly DeploymentSummaryWire[], { look, paint }: Eye): string {
  return table(
    deployments,
    [
      { title: 'id', value: ({ id }) => id, shown: ({ id }) => paint('bold', id) },
      { title: 'kind', value: ({ kind }) => kind },
      { title: 'environment', value: ({ environment }) => environment },
      { title: 'from', value: ({ from }) => from },
      { title: 'to', value: ({ release }) => release },
      { title: 'state', value: ({ state }) => state, shown: ({ state }) => withSign(state, paint) },
      { title: 'done', value: ({ itemsDone, itemsTotal }) => `${itemsDone}/${itemsTotal}`, align: 'right' },
      {
        title: 'took',
        value: (it) => (it.startedAt === null || it.endedAt === null ? null : it.endedAt - it.startedAt),
        shown: took,
        align: 'right',
      },
      { title: 'begun', value: ({ createdAt }) => sayWhen(createdAt, look) },
      { title: 'by', value: ({ actor }) => actor },
      { title: 'because', value: ({ because }) => because, shown: ({ because }) => paint('dim', because ?? '') },
    ],
    look,
    paint,
  )
}
const took = (it: DeploymentSummaryWire): string =>
  it.startedAt === null || it.endedAt === null ? '–' : sayDuration(it.endedAt - it.startedAt)

export function deploymentView(it: DeploymentWire, eye: Eye): string {
  const { look, paint } = eye
  const rows = wavesOf(it.plan).flatMap((wave, number) =>
    wave.map((item) => ({ number: number + 1, item, run: runOf(it, item.index, 'do'), undo: runOf(it, item.index, 'undo') })),
  )
  const columns: Column<(typeof rows)[number]>[] = [
    { title: 'wave', value: ({ number }) => number, align: 'right' },
    { title: 'step', value: ({ item }) => item.step, shown: ({ item }) => paint('bold', item.step) },
    { title: 'host', value: ({ item }) => item.host },
    { title: 'state', value: ({ run }) => run?.state ?? 'ahead', shown: ({ run }) => withSign(run?.state ?? 'ahead', paint) },
    {
      title: 'took',
      value: ({ run }) => (run?.endedAt ? run.endedAt - run.startedAt : null),
      shown: ({ run, item }) =>
        run === undefined ? (item.expectedMs === null ? '–' : `expected ${sayDuration(item.expectedMs)}`) : sayTook(run, item),
    },
    {
      title: 'undo',
      value: ({ undo }) => undo?.state ?? null,
      shown: ({ undo }) => (undo === undefined ? '' : withSign(undo.state, paint)),
    },
    {
      title: 'because',
      value: ({ run, undo }) => undo?.because ?? run?.because ?? null,
      shown: ({ run, undo }) => paint('dim', undo?.because ?? run?.because ?? ''),
    },
  ]
  const undone = rows.some(({ undo }) => undo !== undefined)
  const body = table(rows, undone || !look.terminal ? columns : columns.filter(({ title }) => title !== 'undo'), look, paint)
  if (!look.terminal) return body
  const head = pairs(
    [
      ['deployment', `${paint('bold', it.id)} (${it.kind})`],
      ['moves', `${it.environment} from ${it.from ?? 'nothing'} to ${it.release}`],
      ['state', `${withSign(it.state, paint)}${it.because === null ? '' : `: ${it.because}`}`],
      [
        'begun',
        `${sayWhen(it.createdAt, look)} by ${it.actor}${it.reason === null ? '' : `: ${it.reason}`}${it.forced ? ' (forced)' : ''}`,
      ],
      ['took', it.endedAt === null ? null : `${took(it)}${it.expectedMs === null ? '' : ` (expected ${sayDuration(it.expectedMs)})`}`],
      [
        'approval',
        !it.approval.needed ? null : it.approval.by === null ? 'missing' : `${it.approval.by}, ${sayWhen(it.approval.at, look)}`,
      ],
      ['plan', it.planHash],
      ['offers', it.offers.join(', ')],
    ],
    eye,
  )
  return `${head}\n\n${body}`
}

export function releaseTable(releases: readonly ReleaseSummaryWire[], { look, paint }: Eye): string {
  return table(
    releases,
    [
      { title: 'name', value: ({ name }) => name, shown: ({ name }) => paint('bold', name) },
      { title: 'commit', value: ({ commit }) => shortSha(commit) },
      { title: 'ref', value: ({ ref }) => ref },
      { title: 'cut', value: ({ cutAt }) => sayWhen(cutAt, look) },
      { title: 'by', value: ({ cutBy }) => cutBy },
      { title: 'changed', value: ({ servicesChanged }) => servicesChanged.join(' ') },
      { title: 'commits', value: ({ commitCount }) => commitCount, align: 'right' },
      {
        title: 'database',
        value: ({ changesDatabase }) => (changesDatabase ? 'changes' : ''),
        shown: ({ changesDatabase }) => (changesDatabase ? paint('yellow', 'changes') : ''),
      },
      {
        title: 'rehearsal',
        value: ({ rehearsal }) => rehearsal?.state ?? null,
        shown: ({ rehearsal }) => (rehearsal === null ? paint('dim', '○ none') : withSign(rehearsal.state, paint)),
      },
      { title: 'runs in', value: ({ environments }) => environments.join(' ') },
    ],
    look,
    paint,
  )
}

export function releaseView(it: ReleaseWire, eye: Eye): string {
  const { look, paint } = eye
  const head = pairs(
    [
      ['release', paint('bold', it.name)],
      ['commit', `${it.commit} (${it.ref})`],
      ['cut', `${sayWhen(it.cutAt, look)} by ${it.cutBy}`],
      ['runs in', it.environments.length === 0 ? 'no environment' : it.environments.join(', ')],
      [
        'rehearsal',
        it.rehearsal === null
          ? `none yet: belay rehearse ${it.name}`
          : `${withSign(it.rehearsal.state, paint)}${it.rehearsal.durationMs === null ? '' : ` in ${sayDuration(it.rehearsal.durationMs)}`}${it.rehearsal.because === null ? '' : `: ${it.rehearsal.because}`}`,
      ],
      [
        'since',
        it.since === null
          ? 'the beginning: production had no release'
          : `${it.since.release}, ${sayCount(it.commits.length, 'commit')} by ${it.authors.join(', ') || 'nobody'}`,
      ],
      [
        'database',
        it.databaseSteps
          .map(({ step, found, hasUndo }) => `${step} changes it (${found.join(' and ')})${hasUndo ? '' : '; it has no undo'}`)
          .join('\n'),
      ],
      ['warnings', it.warnings.join('\n')],
      ['id', paint('dim', it.id)],
    ],
    eye,
  )
  const services = table(
    it.services,
    [
      { title: 'service', value: ({ service }) => service, shown: ({ service }) => paint('bold', service) },
      {
        title: 'changed',
        value: ({ changed }) => (changed ? 'changed' : 'same'),
        shown: ({ changed }) => (changed ? paint('cyan', 'changed') : paint('dim', 'same')),
      },
      { title: 'size', value: ({ bytes }) => bytes, shown: ({ bytes }) => sayBytes(bytes), align: 'right' },
      { title: 'artifact', value: ({ artifact }) => artifact, shown: ({ artifact }) => paint('dim', artifact.slice(0, 12)) },
    ],
    look,
    paint,
  )
  return [head, '', services, ...(it.commits.length === 0 ? [] : ['', commitTable(it.commits, eye)])].join('\n')
}

export function commitTable(commits: ReleaseWire['commits'], { look, paint }: Eye): string {
  return table(
    commits,
    [
      { title: 'commit', value: ({ sha }) => shortSha(sha), shown: ({ sha }) => paint('yellow', shortSha(sha)) },
      { title: 'author', value: ({ author }) => author },
      { title: 'when', value: ({ at }) => sayWhen(at, look) },
      { title: 'subject', value: ({ subject }) => subject },
    ],
    look,
    paint,
  )
}

/** Wide enough for most kinds of fact and names of people; longer ones push their line to the right. */
const kindWidth = 22
const actorWidth = 10

export function factLine(it: FactWire, { look, paint }: Eye): string {
  if (!look.terminal)
    return [it.seq, new Date(it.at).toISOString(), it.actor, it.kind, it.subject, it.says.replace(/[\t\r\n]+/g, ' ')].join('\t')
  const time = new Date(it.at)
  const today = time.toDateString() === new Date(look.nowMs).toDateString()
  const clock = time.toLocaleTimeString('en-GB', { hour12: false })
  const when = `${String(it.seq).padStart(5)}  ${today ? clock : `${time.toLocaleDateString('sv-SE')} ${clock}`}`
  const actor = it.actor.padEnd(actorWidth)
  const kind = it.kind.padEnd(kindWidth)
  return `${paint('dim', when)}  ${actor}  ${paint('dim', kind)}  ${beside(it.says, `${when}  ${actor}  ${kind}  `.length, look)}`
}

/** The front page in a terminal: one sentence, the rope, the environments. */
export function nowView(it: NowWire, eye: Eye): string {
  const { look, paint } = eye
  const names = [...new Set(it.rope.flatMap(({ rungs }) => rungs.map(({ name }) => name)))]
  const rope = table(
    it.rope,
    [
      { title: 'release', value: ({ release }) => release, shown: ({ release }) => paint('bold', release) },
      { title: 'state', value: ({ state }) => state, shown: ({ state }) => withSign(state, paint) },
      ...names.map((name) => ({
        title: name,
        value: ({ rungs }: NowWire['rope'][number]) => rungs.find((rung) => rung.name === name)?.state ?? null,
        shown: ({ rungs }: NowWire['rope'][number]) => {
          const rung = rungs.find((other) => other.name === name)
          if (rung === undefined) return ''
          return rung.at === null ? sign(rung.state, paint) : `${sign(rung.state, paint)} ${paint('dim', sayWhen(rung.at, look))}`
        },
      })),
      { title: 'because', value: ({ because }) => because, shown: ({ because }) => paint('dim', because) },
    ],
    look,
    paint,
  )
  if (!look.terminal) return [it.sentence, it.detail, rope, environmentTable(it.environments, eye)].filter((part) => part !== '').join('\n')
  const moving = it.deployments.filter(({ endedAt }) => endedAt === null)
  return [
    paint('bold', it.sentence),
    ...(it.detail === '' ? [] : [it.detail]),
    ...(it.ledgerWhole ? [] : [`${sign('failed', paint)} The ledger's chain is broken: belay ledger verify`]),
    ...(it.rope.length === 0 ? [] : ['', rope]),
    ...(moving.length === 0 ? [] : ['', deploymentTable(moving, eye)]),
    ...(it.environments.length === 0 ? [] : ['', environmentTable(it.environments, eye)]),
  ].join('\n')
}

/** A release named in a sentence: `v2 (3 commits, 2 services changed)`. */
export function sayRelease(it: ReleaseSummaryWire): string {
  return `${it.name} (${sayCount(it.commitCount, 'commit')}, ${sayCount(it.servicesChanged.length, 'service')} changed${it.changesDatabase ? ', changes the database' : ''})`
}
