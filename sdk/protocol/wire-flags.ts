/** What travels about flags, rings, segments, client keys and evaluations. Times and spans as in wire.ts. */
import { z } from 'zod'

const at = z.number().int()
const count = z.number().int().nonnegative()
const json = z.json()
export type JsonWire = z.infer<typeof json>

export const flagKinds = ['release', 'experiment', 'ops', 'permission'] as const
export const valueTypes = ['boolean', 'string', 'number', 'object'] as const
/** The setting of every environment that has none of its own. */
export const everyEnvironment = '*'
/** Keys of flags and segments: what flagd, Unleash and GrowthBook call theirs, and nothing that JavaScript objects call their own. */
export const flagKeyPattern = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,199}$/
export const ringNamePattern = /^[a-z][a-z0-9-]{0,31}$/

export const flagKey = z.string().regex(flagKeyPattern, {
  error: ({ input }) =>
    `${JSON.stringify(input)} is not a key; begin with a letter or digit, then letters, digits and . _ - : / up to 200 characters`,
})
const variantKey = z
  .string()
  .min(1)
  .max(100)
  .refine((key) => !['__proto__', 'constructor', 'prototype'].includes(key), 'is a name that JavaScript uses itself; choose another')
const metadataWire = z.record(z.string().max(100), z.union([z.string().max(2_000), z.number(), z.boolean()]))

/** "Variant V to rings up to R, p% of R"; several variants share that audience by weight, told apart by a hash of their own. */
export const exposureWire = z.object({
  /** Variant to weight; one variant is the usual case. */
  serve: z
    .record(variantKey, z.number().int().min(0).max(100_000))
    .refine((it) => Object.keys(it).length > 0, 'needs at least one variant'),
  /** The highest ring reached; rings below it are reached wholly. */
  ring: z.string(),
  /** The share of that ring, in percent, to a thousandth. */
  percent: z.number().min(0).max(100),
  /** The attribute whose value is hashed; null: the targeting key. */
  bucketBy: z.string().min(1).max(100).nullable().default(null),
})
export type ExposureWire = z.output<typeof exposureWire>

export const settingWire = z.object({
  state: z.enum(['ENABLED', 'DISABLED']),
  /** What is served where no rule and no exposure says otherwise. Null: the code's own default. */
  defaultVariant: z.string().nullable(),
  /** Rules in JsonLogic, before the exposure. Null: none. */
  targeting: json,
  exposure: exposureWire.nullable(),
})
export type SettingWire = z.output<typeof settingWire>
export const prerequisiteWire = z.object({ flag: flagKey, variant: z.string() })
export const killWire = z.object({ at, by: z.string(), reason: z.string() })

/** What may be edited of a flag. Without defaults: what an edit leaves out stays as it is. */
const editable = {
  description: z.string().max(2_000),
  kind: z.enum(flagKinds),
  owner: z.string().max(100).nullable(),
  expiresAt: at.nullable(),
  tags: z.array(z.string().min(1).max(50)).max(20),
  variants: z.record(variantKey, json),
  prerequisites: z.array(prerequisiteWire).max(10),
}

export const newFlagWire = z.object({
  key: flagKey,
  description: editable.description.default(''),
  kind: editable.kind.default('release'),
  owner: editable.owner.default(null),
  expiresAt: editable.expiresAt.default(null),
  tags: editable.tags.default([]),
  /** By default on: true, off: false. */
  variants: editable.variants.optional(),
  /** By default the variant `off`, else the last. */
  defaultVariant: z.string().nullable().optional(),
  /** Hashed with the unit; by default the key. Never changes. */
  salt: z.string().min(1).max(200).optional(),
  bucketing: z.union([z.literal(2), z.literal(3)]).default(2),
  prerequisites: editable.prerequisites.default([]),
})
export type NewFlagWire = z.input<typeof newFlagWire>

export const flagWire = z.object({
  key: z.string(),
  description: z.string(),
  kind: z.enum(flagKinds),
  owner: z.string().nullable(),
  expiresAt: at.nullable(),
  tags: z.array(z.string()),
  type: z.enum(valueTypes),
  variants: z.record(z.string(), json),
  salt: z.string(),
  bucketing: z.union([z.literal(2), z.literal(3)]),
  prerequisites: z.array(prerequisiteWire),
  /** By environment; `*` is always there and counts for those without one of their own. */
  settings: z.record(z.string(), settingWire),
  /** By environment (`*`: all): the kill switch is thrown, everybody gets the default variant. */
  killed: z.record(z.string(), killWire),
  metadata: metadataWire,
  version: z.number().int().positive(),
  createdAt: at,
  createdBy: z.string(),
  changedAt: at,
  changedBy: z.string(),
  archivedAt: at.nullable(),
})
export type FlagWire = z.infer<typeof flagWire>

/** One flag in one environment, at a glance. */
export const flagStandingWire = z.object({
  environment: z.string(),
  /** Has it a setting of its own, or does `*` count? */
  own: z.boolean(),
  /** off: DISABLED. killed. resting: everybody gets the default. climbing: exposed below the top. top: to everybody. targeted: rules only. */
  state: z.enum(['off', 'killed', 'resting', 'climbing', 'top', 'targeted']),
  /** One line: `on to qa and staff, 50% of early-access`. */
  says: z.string(),
  ring: z.string().nullable(),
  percent: z.number().nullable(),
})
export type FlagStandingWire = z.infer<typeof flagStandingWire>
export const staleWire = z.object({ why: z.enum(['expired', 'everywhere', 'never-evaluated']), says: z.string() })

export const flagSummaryWire = flagWire
  .pick({
    key: true,
    kind: true,
    description: true,
    owner: true,
    tags: true,
    expiresAt: true,
    type: true,
    version: true,
    changedAt: true,
    changedBy: true,
    archivedAt: true,
  })
  .extend({
    variants: z.array(z.string()),
    standings: z.array(flagStandingWire),
    stale: z.array(staleWire),
    /** Changes that wait for a second person. */
    proposals: count,
    lastEvaluatedAt: at.nullable(),
  })
export type FlagSummaryWire = z.infer<typeof flagSummaryWire>

export const diffLineWire = z.object({ path: z.string(), before: json.optional(), after: json.optional() })
export type DiffLineWire = z.infer<typeof diffLineWire>

const where = z.string().default(everyEnvironment)
/** Everything that can be done to a flag. Each is targeted, so that two people who change different things do not collide. */
export const flagChangeWire = z.discriminatedUnion('do', [
  z.object({
    do: z.literal('edit'),
    set: z.object({ ...editable, metadata: metadataWire }).partial(),
  }),
  /** Gives an environment (or `*`) these members of a setting; one that had none of its own starts from `*`. */
  z.object({ do: z.literal('configure'), environment: where, setting: settingWire.partial() }),
  /** The environment's own setting goes; `*` counts again. */
  z.object({ do: z.literal('inherit'), environment: z.string() }),
  z.object({ do: z.literal('on'), environment: where }),
  z.object({ do: z.literal('off'), environment: where }),
  z.object({ do: z.literal('expose'), environment: where, exposure: exposureWire.nullable() }),
  z.object({ do: z.literal('kill'), environment: where, reason: z.string().min(1).max(500) }),
  /** Takes a kill back. */
  z.object({ do: z.literal('restore'), environment: where }),
  z.object({ do: z.literal('revert'), to: z.number().int().positive() }),
  z.object({ do: z.literal('archive') }),
  z.object({ do: z.literal('unarchive') }),
])
export type FlagChangeWire = z.output<typeof flagChangeWire>
export type FlagChangeInput = z.input<typeof flagChangeWire>

export const changeAskWire = z.object({
  change: flagChangeWire,
  /** The version that the change was made from; when it is no longer the newest: 409 `flag-changed` with what the other did. Absent: whatever is newest. */
  version: z.number().int().positive().optional(),
  reason: z.string().max(500).optional(),
  /** Later: the change is done at this time, on what the flag is then. */
  at: at.optional(),
  /** Only tell what would come of it. */
  plan: z.boolean().default(false),
})

export const proposalWire = z.object({
  id: z.string(),
  flag: z.string(),
  change: flagChangeWire,
  says: z.string(),
  reason: z.string().nullable(),
  by: z.string(),
  createdAt: at,
  /** Done at this time once approved; null: at once. */
  at: at.nullable(),
  /** SHA-256 over flag, version, time and the flag as it would become; what a second person approves. */
  hash: z.string(),
  version: z.number().int(),
  environments: z.array(z.string()),
  diff: z.array(diffLineWire),
  /** `void`: the flag was changed meanwhile. */
  state: z.enum(['open', 'approved', 'rejected', 'void']),
  decidedBy: z.string().nullable(),
  decidedAt: at.nullable(),
})
export type ProposalWire = z.infer<typeof proposalWire>
export const scheduledWire = z.object({
  id: z.string(),
  flag: z.string(),
  at,
  change: flagChangeWire,
  says: z.string(),
  by: z.string(),
  reason: z.string().nullable(),
  /** failed: the time came and the change could not be done; `because` says why. */
  state: z.enum(['waiting', 'done', 'cancelled', 'failed']),
  because: z.string().nullable(),
})
export type ScheduledWire = z.infer<typeof scheduledWire>

export const changeAnswerWire = z.object({
  outcome: z.enum(['done', 'same', 'proposed', 'scheduled', 'planned']),
  says: z.string(),
  diff: z.array(diffLineWire),
  flag: flagWire,
  proposal: proposalWire.nullable(),
  scheduled: scheduledWire.nullable(),
})
export type ChangeAnswerWire = z.infer<typeof changeAnswerWire>

export const flagVersionWire = z.object({
  version: z.number().int().positive(),
  at,
  actor: z.string(),
  says: z.string(),
  reason: z.string().nullable(),
  diff: z.array(diffLineWire),
})
export type FlagVersionWire = z.infer<typeof flagVersionWire>

export const flagPageWire = z.object({
  flag: flagWire,
  standings: z.array(flagStandingWire),
  stale: z.array(staleWire),
  proposals: z.array(proposalWire),
  scheduled: z.array(scheduledWire),
  /** Flags that have this one as a prerequisite. */
  neededBy: z.array(z.string()),
  lastEvaluatedAt: at.nullable(),
})
export type FlagPageWire = z.infer<typeof flagPageWire>

// ── who sees what, and why ──────────────────────────────────────────────────────────────────────────────────
export const evaluationWire = z.object({
  key: z.string(),
  reason: z.string(),
  variant: z.string().optional(),
  value: json.optional(),
  errorCode: z.string().optional(),
  errorMessage: z.string().optional(),
})
export const explanationWire = z.object({
  flag: z.string(),
  environment: z.string(),
  evaluation: evaluationWire,
  /** One sentence: who gets what, and which step decided. */
  because: z.string(),
  /** In the order in which they count. */
  steps: z.array(
    z.object({
      kind: z.enum(['state', 'kill', 'prerequisite', 'rule', 'ring', 'share', 'default']),
      says: z.string(),
      /** decided: this one chose the variant. missed: asked and passed by. unasked: not reached. */
      outcome: z.enum(['decided', 'missed', 'unasked']),
      /** With the figures that were compared: the bucket and the border, the attribute and its value. */
      because: z.string(),
    }),
  ),
  rings: z.array(z.object({ ring: z.string(), member: z.boolean() })),
  segments: z.array(z.string()),
})
export type ExplanationWire = z.infer<typeof explanationWire>

export const flagCountsWire = z.object({
  environment: z.string(),
  sinceAt: at,
  stepMs: z.number().int(),
  /** One point a step and variant that had any; `variant` null: the code's default was used. */
  points: z.array(z.object({ at, variant: z.string().nullable(), count })),
  totals: z.array(z.object({ variant: z.string().nullable(), count, units: count })),
})
export type FlagCountsWire = z.infer<typeof flagCountsWire>
export const referencesWire = z.object({
  ref: z.string(),
  commit: z.string(),
  flags: z.array(
    z.object({
      key: z.string(),
      mentions: z.array(z.object({ file: z.string(), line: z.number().int(), text: z.string() })),
      more: z.boolean(),
    }),
  ),
})
export type ReferencesWire = z.infer<typeof referencesWire>

// ── rings and segments ──────────────────────────────────────────────────────────────────────────────────────
export const ringWire = z.object({
  name: z.string(),
  /** file: belay.yaml. page: made here. gone: it left belay.yaml while flags still climb it. */
  source: z.enum(['file', 'page', 'gone']),
  /** Who is in it, in JsonLogic; null with `segment`, and for `all`. */
  where: json,
  segment: z.string().nullable(),
  says: z.string(),
  /** Flags exposed exactly up to it, by environment. */
  flags: z.array(z.object({ flag: z.string(), environment: z.string() })),
})
export type RingWire = z.infer<typeof ringWire>
export const newRingWire = z.object({
  name: z.string().regex(ringNamePattern, 'is not a name; use small letters, digits and dashes, a letter first, at most 32 characters'),
  /** The ring below it; null: it becomes the lowest. */
  after: z.string().nullable(),
  where: json.optional(),
  segment: z.string().optional(),
})

export const segmentWire = z.object({
  key: z.string(),
  description: z.string(),
  kind: z.enum(['rule', 'list']),
  /** The rule; null for a list. */
  rule: json,
  /** Of a list: the attribute whose value stands in it. */
  by: z.string(),
  /** Of a list: how many keys. */
  size: count,
  version: z.number().int().positive(),
  changedAt: at,
  changedBy: z.string(),
  usedBy: z.array(z.string()),
})
export type SegmentWire = z.infer<typeof segmentWire>
export const newSegmentWire = z.object({
  key: flagKey,
  description: z.string().max(2_000).default(''),
  /** A rule in JsonLogic; or keys (at most 10,000 here, more by upload), also none yet. */
  rule: json.optional(),
  keys: z.array(z.string().min(1).max(500)).max(10_000).optional(),
  by: z.string().min(1).max(100).default('targetingKey'),
})
export const segmentChangeWire = z.object({
  version: z.number().int().positive().optional(),
  description: z.string().max(2_000).optional(),
  rule: json.optional(),
  add: z.array(z.string().min(1).max(500)).max(10_000).optional(),
  remove: z.array(z.string().min(1).max(500)).max(10_000).optional(),
  reason: z.string().max(500).optional(),
})

// ── client keys ─────────────────────────────────────────────────────────────────────────────────────────────
export const clientKeyKinds = ['client', 'server'] as const
/** client: may stand in a web page; evaluates by OFREP, nothing else. server: also reads definitions and reports. */
export const clientKeyWire = z.object({
  id: z.string(),
  name: z.string(),
  kind: z.enum(clientKeyKinds),
  environment: z.string(),
  createdBy: z.string(),
  createdAt: at,
  lastUsedAt: at.nullable(),
})
export type ClientKeyWire = z.infer<typeof clientKeyWire>

// ── import ──────────────────────────────────────────────────────────────────────────────────────────────────
export const exchangeFormats = ['flagd', 'unleash', 'growthbook'] as const
export const importReportWire = z.object({
  format: z.enum(exchangeFormats),
  planned: z.boolean(),
  flags: z.array(
    z.object({
      key: z.string(),
      outcome: z.enum(['created', 'updated', 'same', 'refused']),
      carried: z.enum(['exactly', 'approximately', 'not']),
      notes: z.array(z.string()),
    }),
  ),
  segments: z.array(z.object({ key: z.string(), outcome: z.enum(['created', 'updated', 'same', 'refused']), notes: z.array(z.string()) })),
})
export type ImportReportWire = z.infer<typeof importReportWire>

// ── what services send (`sdk/node`) ─────────────────────────────────────────────────────────────────────────
/** The largest batch that a service sends at once; a spool sends several. */
export const reportMax = { counts: 5_000, exposures: 5_000, events: 5_000 } as const
export const reportWire = z.object({
  /** Who sends, made once per process, and the number of the batch: the same pair is counted once. */
  source: z.string().regex(/^[\w.-]{8,64}$/),
  batch: z.number().int().positive(),
  counts: z
    .array(
      z.object({ flag: z.string().max(200), variant: z.string().max(100).nullable(), minuteAt: at, count: z.number().int().positive() }),
    )
    .max(reportMax.counts)
    .default([]),
  exposures: z
    .array(z.object({ flag: z.string().max(200), variant: z.string().max(100), unit: z.string().min(1).max(500), at }))
    .max(reportMax.exposures)
    .default([]),
  /** OpenFeature's `track`. */
  events: z
    .array(
      z.object({
        name: z.string().min(1).max(200),
        unit: z.string().max(500).nullable(),
        at,
        value: z.number().nullable().default(null),
        attributes: z.record(z.string().max(100), json).default({}),
      }),
    )
    .max(reportMax.events)
    .default([]),
  /** How many of the above the sender gave up since its last batch, because memory or spool were full. */
  dropped: count.optional(),
})
export type ReportWire = z.output<typeof reportWire>
