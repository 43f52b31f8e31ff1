/**
 * `belay.yaml`: the one file that tells Belay about a cloud. Descriptions travel into belay.schema.json, where
 * editors show them, so they are written for the person who edits the file.
 */
import { z } from 'zod'
import { parseDurationMs } from '@belay/base'
import type { JsonLogic } from '@belay/flag-evaluator'

// Messages continue a sentence that the reader begins with the value: `"soon" is not a duration; ...`.
const name = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,31}$/, 'is not a name; use small letters, digits and dashes, a letter first, at most 32 characters')
const command = z.string().min(1).describe("A shell command, run with sh -c in the release's folder of the service.")
/** Timers of Node hold 24.8 days; nothing in a deployment should take longer than a week. */
const durationMsMax = 7 * 86_400_000
const duration = z
  .string()
  .refine((text) => parseDurationMs(text) !== undefined, 'is not a duration; write for example 500ms, 30s, 5m, 2h or 1d')
  .refine((text) => {
    const ms = parseDurationMs(text)
    return ms === undefined || (ms >= 1 && ms <= durationMsMax)
  }, 'is out of range; a duration here is at least 1ms and at most 7d')
  .meta({ pattern: '^\\s*(\\d+(\\.\\d+)?(ms|s|m|h|d))+\\s*$', examples: ['500ms', '30s', '5m', '2h', '1d'] })
  .transform((text) => Math.round(parseDurationMs(text) as number))
/** A ladder is read at a glance; every climb passes all of it. */
const ringsMax = 12
const relativePath = z
  .string()
  .min(1)
  .refine(
    (path) => !path.startsWith('/') && !path.split('/').includes('..'),
    'is not a path inside the repository; write it without a leading / and without ..',
  )

const secret = z.strictObject({ fromEnv: z.string().min(1) }).or(z.strictObject({ fromFile: z.string().min(1) }))
const env = z
  .record(
    z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "is not an environment variable's name; use letters, digits and _, no digit first"),
    z.union([z.string(), z.number().transform(String), z.boolean().transform(String), secret]),
  )
  .describe('Environment variables. A secret is named, never written here: { fromEnv: NAME } or { fromFile: path }.')

export const checkSchema = z
  .strictObject({
    http: z.string().startsWith('/').optional().describe('A path of the service that must answer 2xx.'),
    contains: z.string().optional().describe("Text that the answer must contain; ${release} is replaced by the release's name."),
    tcp: z.literal(true).optional().describe("The service's port must accept a connection."),
    run: command.optional().describe('A command that must exit 0.'),
    within: duration.prefault('30s').describe('How long it may take until the check holds.'),
    every: duration.prefault('500ms').describe('Pause between two tries.'),
    inARow: z.number().int().min(1).max(20).default(2).describe('How many tries in a row must succeed.'),
  })
  .refine(
    (check) => [check.http, check.tcp, check.run].filter((it) => it !== undefined).length === 1,
    'needs exactly one of http, tcp or run',
  )

export const serviceSchema = z.strictObject({
  path: relativePath.default('.').describe('The folder that becomes the artifact.'),
  build: command.optional().describe('Run in that folder of a clean checkout before it is packed.'),
  run: command.describe(
    'Starts the service in the foreground. It is given PORT, BELAY_ADDRESS (host:port to listen on), BELAY_DATA (a folder that outlives releases), BELAY_RELEASE, BELAY_ENVIRONMENT, BELAY_HOST, and BELAY_ADDRESSES_<SERVICE> for each other service.',
  ),
  port: z
    .number()
    .int()
    .min(1)
    .max(65_535)
    .optional()
    .describe('The port it listens on; given to it as PORT. On the local driver a free one is chosen for each host.'),
  health: z
    .string()
    .startsWith('/')
    .optional()
    .describe('The path that tells whether it is well; checked after every restart and shown on the page.'),
  env: env.optional(),
  watch: z.array(relativePath).optional().describe('Paths whose change makes a new build; by default the folder of `path`.'),
  stop: duration.prefault('10s').describe('How long it may take to end after SIGTERM before it is killed.'),
  open: z.boolean().default(false).describe('A person may open it in a browser; the page then links to it.'),
  record: z
    .boolean()
    .default(false)
    .describe("true: a Node service is started with Belay's recorder, which tells what each call of its API costs (Node 22.18 or newer)."),
})

export const hostSchema = z.strictObject({
  driver: z.enum(['local']).default('local').describe('local: a folder with processes of its own on the machine of the server.'),
  roles: z.array(name).min(1).describe('A service runs on every host that has its name as a role.'),
  ports: z
    .record(name, z.number().int().min(1).max(65_535))
    .optional()
    .describe('Fixed ports by service; otherwise free ones are chosen once and kept.'),
  env: env.optional(),
})

export const environmentSchema = z.strictObject({
  kind: z
    .enum(['private', 'qa', 'sandbox', 'production'])
    .describe('private: for whoever develops. qa: rehearsals run here. sandbox: lives for a limited time. production: for users.'),
  hosts: z
    .record(name, hostSchema)
    .refine((hosts) => Object.keys(hosts).length > 0, 'needs at least one host')
    .describe('Where the services run, by name.'),
  env: env.optional(),
  approval: z
    .enum(['none', 'second-person'])
    .default('none')
    .describe('second-person: somebody else approves the content hash of the plan.'),
  tests: z
    .strictObject({
      run: command,
      on: name.describe('The role on whose first host the command runs.'),
      within: duration.prefault('10m').describe('The time limit of the command.'),
    })
    .optional()
    .describe('The command of a rehearsal that tests the deployed release; it runs on the first host of the role `on`.'),
})

export const stepSchema = z.strictObject({
  step: name.describe('install and restart are built in; any other name needs `run`.'),
  on: z.union([name.transform((one) => [one]), z.array(name).min(1)]).describe('The roles whose hosts it runs on.'),
  run: command.optional(),
  undo: command.optional().describe('Brings back what `run` did.'),
  once: z.boolean().default(false).describe('Only on the first host of the role.'),
  batch: z.number().int().min(1).optional().describe('How many hosts at a time. By default all for install and run, 1 for restart.'),
  drain: command.optional().describe('Before the host is touched: take it out of traffic.'),
  undrain: command.optional().describe('After its check holds: put it back.'),
  check: checkSchema.optional().describe('What must hold on a host after the step before the next host is touched.'),
  within: duration.prefault('5m').describe('The time limit of the command on one host.'),
  rerun: z.boolean().default(false).describe('May be run again when nobody knows whether it ran to its end.'),
  changes: z.enum(['database']).optional().describe('database: it changes data that outlives the release.'),
  watch: z.array(relativePath).optional().describe('Paths (migrations) whose change means that this step changes a database.'),
  onFailure: z
    .enum(['undo', 'hold'])
    .default('undo')
    .describe('undo: bring back all that was switched, in reverse order. hold: stop and wait for a person.'),
})

const ringRuleSchema = z
  .strictObject({
    where: z
      .unknown()
      .optional()
      .describe('A rule in JsonLogic over a user\'s attributes: { ends_with: [{ var: email }, "@example.com"] }.'),
    segment: z.string().min(1).optional().describe('Who is in this segment (belay segment ls).'),
  })
  .refine((it) => (it.where === undefined) !== (it.segment === undefined), 'needs exactly one of where or segment')

/** `all` or `NAME: { where }`; read as `{ name, where, segment }`. */
const ringSchema = z
  .union([
    name.transform((it) => ({ [it]: {} as z.output<typeof ringRuleSchema> })),
    z
      .record(name, ringRuleSchema)
      .refine((it) => Object.keys(it).length === 1, 'needs exactly one name; write one ring in each line of the list'),
  ])
  .transform((it) => {
    const [ring, rule] = Object.entries(it)[0] as [string, z.output<typeof ringRuleSchema>]
    return { name: ring, where: (rule.where ?? null) as JsonLogic, segment: rule.segment ?? null }
  })

const callSource = z
  .string()
  .regex(/^(header|query)\.[\w-]{1,100}$/, 'is nothing that a request has; write header.NAME or query.NAME')
  .transform((it) => (it.startsWith('header.') ? it.toLowerCase() : it))

const callMethodSchema = z.strictObject({
  path: z.string().startsWith('/').max(500).describe('A segment that begins with a colon takes any value; /* at the end takes the rest.'),
  verb: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']).optional().describe("HTTP's method; by default any."),
  name: z.string().min(1).max(200).describe('{noun}.{verb} of the path; {header.x-operation}, {query.op} or {body.method} of the request.'),
})

/** `NAME` or `NAME: RULE`; read as `{ name, where }`. */
const audienceSchema = z
  .union([
    name.transform((it) => ({ [it]: null as unknown })),
    z
      .record(name, z.unknown())
      .refine((it) => Object.keys(it).length === 1, 'needs exactly one name; write one audience in each line of the list'),
  ])
  .transform((it) => {
    const [audience, where] = Object.entries(it)[0] as [string, unknown]
    return { name: audience, where: (where ?? null) as JsonLogic }
  })

/** In ms with its fraction: a call costs less than a millisecond more often than not. */
const budgetTime = z
  .string()
  .refine((text) => (parseDurationMs(text) ?? 0) > 0, 'is not a duration; write for example 0.5ms, 10ms or 2s')
  .meta({ pattern: '^\\s*(\\d+(\\.\\d+)?(ms|s|m|h|d))+\\s*$', examples: ['0.5ms', '10ms', '2s'] })
  .transform((text) => parseDurationMs(text) as number)

const budgetSchema = z
  .strictObject({
    real: budgetTime.optional().describe('The mean of real time.'),
    cpu: budgetTime.optional().describe('The mean of CPU time.'),
    db: budgetTime.optional().describe('The mean of the time of its statements.'),
    statements: z.number().min(0).optional().describe('The mean number of statements.'),
    transactions: z.number().min(0).optional().describe('The mean number of transactions.'),
  })
  .refine((it) => Object.keys(it).length > 0, 'needs at least one of real, cpu, db, statements, transactions')

const callsSchema = z
  .strictObject({
    methods: z.array(callMethodSchema).max(200).default([]).describe('What calls are named; the first that matches. By default the route.'),
    account: z
      .union([callSource.transform((one) => [one]), z.array(callSource).max(10)])
      .default([])
      .describe('Where a request names its account: header.NAME or query.NAME.'),
    audiences: z
      .array(audienceSchema)
      .max(50)
      .default([])
      .describe(
        'Who calls: NAME: RULE over method, verb, path, header.NAME, query.NAME, account, robot; the first that matches. A NAME alone takes all.',
      ),
    budgets: z
      .record(z.string().min(1).max(200), budgetSchema)
      .default({})
      .describe('What a call may cost at most, by method; rehearsals fail above it.'),
  })
  .prefault({})

export const cloudFileSchema = z
  .strictObject({
    cloud: name.describe('The name of your cloud.'),
    services: z
      .record(name, serviceSchema)
      .refine((services) => Object.keys(services).length > 0, 'needs at least one service')
      .describe('What is built, started and restarted as one, by name.'),
    environments: z
      .record(name, environmentSchema)
      .refine((them) => Object.keys(them).length > 0, 'needs at least one environment')
      .describe('Sets of hosts on which the services run, by name.'),
    deploy: z.array(stepSchema).min(1).describe('The deployment steps, the same in every environment.'),
    rings: z
      .array(ringSchema)
      .max(ringsMax)
      .default([])
      .describe('The ladder that flags climb: named audiences, the smallest first. The last is always all, whether written or not.'),
    calls: callsSchema.describe('How the calls of your API are named, sorted and limited.'),
  })
  .describe('belay.yaml tells Belay about a cloud: its services, environments and deployment steps.')

/** The file as read, defaults filled in, durations in milliseconds. */
export type CloudFile = z.output<typeof cloudFileSchema>
export type ServiceSpec = z.output<typeof serviceSchema>
export type EnvironmentSpec = z.output<typeof environmentSchema>
export type HostSpec = z.output<typeof hostSchema>
export type StepSpec = z.output<typeof stepSchema>
export type CheckSpec = z.output<typeof checkSchema>
export type CallsSpec = z.output<typeof callsSchema>
export type RingSpec = z.output<typeof ringSchema>
export type EnvSpec = z.output<typeof env>
