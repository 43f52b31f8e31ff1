/**
 * What travels between server, CLI and page. Times are milliseconds since the epoch (`At`), spans are
 * milliseconds (`Ms`), sizes bytes. Unknown members are dropped on reading, so an older client reads a newer server.
 */
import { z } from 'zod'
import { actions, roles } from './permissions.ts'

const at = z.number().int()
const ms = z.number().int().nonnegative()

export const problemWire = z.object({
  error: z.object({ code: z.string(), message: z.string(), facts: z.record(z.string(), z.unknown()).default({}) }),
})

// ── ledger ──────────────────────────────────────────────────────────────────────────────────────────────────
export const factWire = z.object({
  seq: z.number().int().positive(),
  at,
  actor: z.string(),
  /** Dotted, past tense: `release.cut`, `deployment.started`. */
  kind: z.string(),
  /** What it happened to, `type:name`: `release:v2`, `environment:qa`, `deployment:d7`. */
  subject: z.string(),
  /** One sentence for people; the page and `belay ledger` show it as it is. */
  says: z.string(),
  data: z.record(z.string(), z.unknown()),
  hash: z.string(),
  previous: z.string(),
})
export type FactWire = z.infer<typeof factWire>

export const ledgerVerdictWire = z.object({
  whole: z.boolean(),
  count: z.number().int(),
  /** The first link that does not hold, when there is one. */
  broken: z.object({ seq: z.number().int(), because: z.string() }).nullable(),
  head: z.string(),
})

// ── environments ────────────────────────────────────────────────────────────────────────────────────────────
export const environmentKinds = ['private', 'qa', 'sandbox', 'production'] as const
export const serviceStateWire = z.object({
  service: z.string(),
  release: z.string().nullable(),
  state: z.enum(['running', 'stopped', 'failing', 'absent', 'unknown']),
  /** `address:port` under which the environment's other services reach it. */
  address: z.string().nullable(),
  /** For a browser, when the service speaks HTTP and is marked `open: true`. */
  url: z.string().nullable(),
  pid: z.number().int().nullable(),
  sinceAt: at.nullable(),
  restarts: z.number().int(),
  because: z.string().nullable(),
})
export const hostWire = z.object({
  name: z.string(),
  driver: z.string(),
  roles: z.array(z.string()),
  reachable: z.boolean(),
  because: z.string().nullable(),
  services: z.array(serviceStateWire),
})
export const leaseWire = z.object({
  owner: z.string(),
  reason: z.string(),
  sinceAt: at,
  expiresAt: at,
  fence: z.number().int(),
  deployment: z.string().nullable(),
})
export const environmentWire = z.object({
  name: z.string(),
  kind: z.enum(environmentKinds),
  /** The release that the last deployment that passed left here. Null: nothing was ever deployed. */
  release: z.string().nullable(),
  state: z.enum(['empty', 'healthy', 'unhealthy', 'deploying', 'held', 'down']),
  because: z.string().nullable(),
  hosts: z.array(hostWire),
  lease: leaseWire.nullable(),
  lastDeployment: z.string().nullable(),
  deployedAt: at.nullable(),
  createdAt: at.nullable(),
  createdBy: z.string().nullable(),
  /** Sandboxes only. */
  expiresAt: at.nullable(),
})
export type EnvironmentWire = z.infer<typeof environmentWire>
export const logLineWire = z.object({ host: z.string(), service: z.string(), text: z.string() })

// ── releases ────────────────────────────────────────────────────────────────────────────────────────────────
export const commitWire = z.object({ sha: z.string(), author: z.string(), at, subject: z.string() })
export const releaseServiceWire = z.object({
  service: z.string(),
  /** SHA-256 of the artifact's bytes. */
  artifact: z.string(),
  bytes: z.number().int(),
  /** Against the release that was in production when this one was cut. */
  changed: z.boolean(),
})
export const databaseStepWire = z.object({
  step: z.string(),
  /** `declared`: the step says `changes: database`; `paths`: files under its watched paths changed. */
  found: z.array(z.enum(['declared', 'paths'])),
  paths: z.array(z.string()),
  hasUndo: z.boolean(),
})
export const releaseSummaryWire = z.object({
  name: z.string(),
  /** SHA-256 over commit, artifacts and configuration. */
  id: z.string(),
  commit: z.string(),
  ref: z.string(),
  cutAt: at,
  cutBy: z.string(),
  servicesChanged: z.array(z.string()),
  commitCount: z.number().int(),
  changesDatabase: z.boolean(),
  /** Where it is the present release. */
  environments: z.array(z.string()),
  rehearsal: z.object({ id: z.string(), state: z.string(), at, durationMs: ms.nullable(), because: z.string().nullable() }).nullable(),
})
export const releaseWire = releaseSummaryWire.extend({
  services: z.array(releaseServiceWire),
  /** Production's release when this one was cut; the commits are since then. */
  since: z.object({ release: z.string(), commit: z.string() }).nullable(),
  commits: z.array(commitWire),
  authors: z.array(z.string()),
  databaseSteps: z.array(databaseStepWire),
  warnings: z.array(z.string()),
})
export type ReleaseSummaryWire = z.infer<typeof releaseSummaryWire>
export type ReleaseWire = z.infer<typeof releaseWire>
export const releaseDiffWire = z.object({
  from: z.string(),
  to: z.string(),
  commits: z.array(commitWire),
  services: z.array(z.object({ service: z.string(), change: z.enum(['added', 'removed', 'changed', 'same']) })),
  steps: z.array(z.object({ step: z.string(), change: z.enum(['added', 'removed', 'changed', 'same']) })),
  databaseSteps: z.array(databaseStepWire),
  /** What could not be told, and what `from` has that `to` lacks. */
  warnings: z.array(z.string()).default([]),
})
/** What a cut sends while it works (server-sent events `progress`), and last `done` or `failed`. */
export const cutProgressWire = z.object({ at, service: z.string().nullable(), text: z.string() })

// ── deployments ─────────────────────────────────────────────────────────────────────────────────────────────
export const deploymentStates = [
  'waiting-approval',
  'running',
  'undoing',
  'waiting',
  'held',
  'passed',
  'undone',
  'failed',
  'aborted',
] as const
export const deploymentKinds = ['deploy', 'rehearsal', 'rollback'] as const
/** One step on one host. Items of one wave run side by side; waves run in order, an undo in reverse order. */
export const planItemWire = z.object({
  index: z.number().int().nonnegative(),
  wave: z.number().int().nonnegative(),
  step: z.string(),
  host: z.string(),
  services: z.array(z.string()),
  does: z.enum(['install', 'restart', 'run']),
  /** In words or as the command itself: what happens, and what its undo is (null: there is none). */
  action: z.string(),
  undo: z.string().nullable(),
  /** May it be run again when nobody knows whether it ran to its end? */
  rerun: z.boolean(),
  changesDatabase: z.boolean(),
  timeLimitMs: ms,
  /** What the rehearsal took for this step on a host of this role; null before the first one. */
  expectedMs: ms.nullable(),
})
export const planWire = z.object({
  hash: z.string(),
  environment: z.string(),
  release: z.string(),
  from: z.string().nullable(),
  kind: z.enum(deploymentKinds),
  items: z.array(planItemWire),
  /** What needs no work, with the reason. */
  unchanged: z.array(z.object({ host: z.string(), service: z.string(), because: z.string() })),
  warnings: z.array(z.string()),
  expectedMs: ms.nullable(),
})
export type PlanWire = z.infer<typeof planWire>
export const itemRunWire = z.object({
  index: z.number().int(),
  direction: z.enum(['do', 'undo']),
  state: z.enum(['running', 'done', 'failed', 'interrupted', 'skipped']),
  attempt: z.number().int(),
  startedAt: at,
  endedAt: at.nullable(),
  because: z.string().nullable(),
  outputHash: z.string().nullable(),
})
export const deploymentSummaryWire = z.object({
  id: z.string(),
  kind: z.enum(deploymentKinds),
  environment: z.string(),
  release: z.string(),
  from: z.string().nullable(),
  state: z.enum(deploymentStates),
  /** Why it is in this state, in words and figures. */
  because: z.string().nullable(),
  actor: z.string(),
  reason: z.string().nullable(),
  forced: z.boolean(),
  planHash: z.string(),
  createdAt: at,
  startedAt: at.nullable(),
  endedAt: at.nullable(),
  itemsDone: z.number().int(),
  itemsTotal: z.number().int(),
  expectedMs: ms.nullable(),
  /** What a person may do now: any of approve, abort, resume. */
  offers: z.array(z.enum(['approve', 'abort', 'rerun', 'continue', 'undo', 'rollback'])),
})
export type DeploymentSummaryWire = z.infer<typeof deploymentSummaryWire>
export const deploymentWire = deploymentSummaryWire.extend({
  plan: planWire,
  runs: z.array(itemRunWire),
  approval: z.object({ needed: z.boolean(), by: z.string().nullable(), at: at.nullable() }),
  rehearsal: z.string().nullable(),
})
export type DeploymentWire = z.infer<typeof deploymentWire>
/** A piece of one item's output; `id` of its server-sent event resumes the stream. */
export const outputWire = z.object({
  seq: z.number().int(),
  index: z.number().int(),
  direction: z.enum(['do', 'undo']),
  at,
  text: z.string(),
})
export type OutputWire = z.infer<typeof outputWire>

// ── rehearsals ──────────────────────────────────────────────────────────────────────────────────────────────
export const rehearsalPhaseWire = z.object({
  name: z.enum(['baseline', 'deploy', 'tests', 'costs', 'undo', 'deploy-again']),
  state: z.enum(['pending', 'running', 'passed', 'failed', 'skipped']),
  deployment: z.string().nullable(),
  startedAt: at.nullable(),
  endedAt: at.nullable(),
  because: z.string().nullable(),
  /** Of tests: the command's output, its last 64 KiB. Of costs: what each method with a budget cost. */
  output: z.string().nullable(),
})
export const rehearsalWire = z.object({
  id: z.string(),
  release: z.string(),
  environment: z.string(),
  state: z.enum(['running', 'passed', 'failed', 'aborted']),
  because: z.string().nullable(),
  actor: z.string(),
  chaos: z.boolean(),
  withUndo: z.boolean(),
  startedAt: at,
  endedAt: at.nullable(),
  phases: z.array(rehearsalPhaseWire),
  /** With `--chaos`: each time the controller was killed, and how the deployment went on. */
  kills: z.array(z.object({ afterItem: z.number().int(), moment: z.enum(['begun', 'done']), resumedMs: ms.nullable() })),
})
export type RehearsalWire = z.infer<typeof rehearsalWire>

// ── access ──────────────────────────────────────────────────────────────────────────────────────────────────
export const meWire = z.object({
  actor: z.string(),
  role: z.enum(roles),
  scopes: z.array(z.enum(actions as [string, ...string[]])).nullable(),
  cloud: z.string(),
  version: z.string(),
})
export const userWire = z.object({ name: z.string(), role: z.enum(roles), createdAt: at, lastSeenAt: at.nullable() })
export const tokenWire = z.object({
  id: z.string(),
  name: z.string(),
  role: z.enum(roles),
  scopes: z.array(z.string()),
  createdBy: z.string(),
  createdAt: at,
  expiresAt: at,
  lastUsedAt: at.nullable(),
})

// ── now ─────────────────────────────────────────────────────────────────────────────────────────────────────
/** The front page: one sentence that answers "is anything falling?", then what is moving, then the environments. */
export const nowWire = z.object({
  sentence: z.string(),
  detail: z.string(),
  /** Every release not yet old news, with how far up it is: code -> private -> qa -> production. */
  rope: z.array(
    z.object({
      release: z.string(),
      state: z.enum(['climbing', 'held', 'fallen', 'top']),
      rungs: z.array(z.object({ name: z.string(), state: z.enum(['passed', 'now', 'fell', 'ahead']), at: at.nullable() })),
      because: z.string(),
      deployment: z.string().nullable(),
    }),
  ),
  environments: z.array(environmentWire),
  deployments: z.array(deploymentSummaryWire),
  facts: z.number().int(),
  ledgerWhole: z.boolean(),
})
export type NowWire = z.infer<typeof nowWire>

export const cloudWire = z.object({
  name: z.string(),
  file: z.string(),
  /** Problems of the file as it stands now; the server works with the last one that was whole. */
  problems: z.array(z.object({ line: z.number().int(), column: z.number().int(), field: z.string(), message: z.string() })),
  environments: z.array(z.object({ name: z.string(), kind: z.enum(environmentKinds), approval: z.string() })),
  services: z.array(z.string()),
})
