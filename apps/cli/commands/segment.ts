import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import { type JsonWire, pageMax, routes, type SegmentWire } from '@belay/protocol'
import { sayCount } from '@belay/base'
import { countOption, group, leaf } from '../command.ts'
import { type Context, type GlobalOptions, runs } from '../context.ts'
import { ruleText } from '../flag-views.ts'
import { openUpload, readJson, type Upload } from '../input.ts'
import { fail } from '../problems.ts'
import { type Eye, pairs, sayWhen, table } from '../terminal.ts'
import { sending } from '../uploading.ts'
import { versionOption } from './flag/change.ts'

type ListOptions = GlobalOptions & { readonly limit: number; readonly after?: string }
type CreateOptions = GlobalOptions & { readonly rule?: string; readonly keys?: string; readonly by?: string; readonly description?: string }
type ChangeOptions = GlobalOptions & { readonly reason?: string; readonly version?: number }
type EditOptions = ChangeOptions & { readonly rule?: string; readonly description?: string }

export const command = () =>
  group(
    'segment',
    'named audiences: a rule, or a list of up to 1,000,000 keys',
    [['belay segment create early-access --keys users.txt', 'one key a line']],
    [
      leaf('ls', 'segments by key', [['belay segment ls', 'how large each is, and what uses it']])
        .argument('[text]', 'words in key or description')
        .option('--limit <count>', 'how many at most', countOption(1, pageMax), 50)
        .option('--after <key>', 'the page that begins after this key')
        .action(runs(list)),
      leaf('show', 'one segment: its rule, or some of its keys', [['belay segment show early-access ada', 'keys with ada in them']])
        .argument('<segment>', 'its key')
        .argument('[text]', 'only keys that contain this')
        .action(runs(show)),
      leaf('create', 'make a segment from a rule or a list of keys', [
        ['belay segment create pro --rule \'{"==":[{"var":"plan"},"pro"]}\'', 'whom a rule describes'],
        ['belay segment create early-access --keys users.txt', 'whose targeting key stands in a file, one a line'],
        ['psql -Atc "select id from accounts" | belay segment create beta --keys - --by account', 'by another attribute, from stdin'],
      ])
        .argument('<segment>', 'its key')
        .option('--rule <rule>', 'in JsonLogic: a file, - for stdin, or the JSON itself')
        .option('--keys <file>', 'one key a line; - reads stdin')
        .option('--by <attribute>', 'of a list: the attribute whose value stands in it (default: targetingKey)')
        .option('--description <text>', 'who is in it')
        .action(runs(create)),
      changing(leaf('edit', 'change the rule or the description', [['belay segment edit pro --rule rule.json', 'from a file']]))
        .argument('<segment>', 'its key')
        .option('--rule <rule>', 'in JsonLogic: a file, - for stdin, or the JSON itself')
        .option('--description <text>', 'who is in it')
        .action(runs(edit)),
      changing(leaf('add', 'add keys to a list', [['belay segment add early-access ada grace', 'what is there already stays']]))
        .argument('<segment>', 'its key')
        .argument('<units...>', 'keys of users, or of what the list holds')
        .action(runs((context: Context, options: ChangeOptions, key: string, add: string[]) => change(context, options, key, { add }))),
      changing(leaf('remove', 'take keys off a list', [['belay segment remove early-access ada', 'what is not there does not matter']]))
        .argument('<segment>', 'its key')
        .argument('<units...>', 'keys of users, or of what the list holds')
        .action(
          runs((context: Context, options: ChangeOptions, key: string, gone: string[]) => change(context, options, key, { remove: gone })),
        ),
      leaf('upload', 'replace a list by the keys of a file', [
        ['belay segment upload early-access users.txt', 'one key a line, up to 1,000,000'],
        ['belay segment upload early-access - --version 3', 'from stdin; refused when somebody changed it since'],
      ])
        .argument('<segment>', 'its key')
        .argument('<file>', 'one key a line; - reads stdin')
        .addOption(versionOption('refuse when somebody changed it since this version'))
        .action(runs(upload)),
      leaf('download', 'all keys of a list, one a line', [['belay segment download early-access > users.txt', 'as `upload` takes them']])
        .argument('<segment>', 'its key')
        .option('--output <file>', 'write them there instead of on the terminal')
        .action(runs(download)),
      leaf('rm', 'remove a segment that nothing uses', [['belay segment rm early-access', 'at once']])
        .argument('<segment>', 'its key')
        .action(runs(remove)),
    ],
  )

function changing(command: ReturnType<typeof leaf>): ReturnType<typeof leaf> {
  return command
    .option('--reason <text>', 'why; kept in the ledger')
    .addOption(versionOption('refuse when somebody changed it since this version'))
}

async function list(context: Context, { limit, after }: ListOptions, text: string | undefined): Promise<void> {
  const client = await context.connect()
  const answer = await client.call(routes.segments.list, { query: { text, after, limit } }, context.signal)
  const { segments, total, more } = answer
  const empty =
    text === undefined && after === undefined
      ? 'No segment yet. Make one with: belay segment create early-access --keys users.txt'
      : 'No segment is like that.'
  context.answer(answer, () => {
    if (!context.look.terminal) return segmentTable(segments, context)
    if (segments.length === 0) return empty
    const count = more || after !== undefined ? `${segments.length} of ${sayCount(total, 'segment')}` : sayCount(total, 'segment')
    return `${segmentTable(segments, context)}\n${context.paint('dim', count)}`
  })
  if (more && !context.json) context.note(context.paint('dim', `The next page: --after ${segments.at(-1)?.key ?? ''}`))
}

export function segmentTable(segments: readonly SegmentWire[], { look, paint }: Eye): string {
  return table(
    segments,
    [
      { title: 'key', value: ({ key }) => key, shown: ({ key }) => paint('bold', key) },
      { title: 'kind', value: ({ kind }) => kind },
      {
        title: 'keys',
        value: ({ kind, size }) => (kind === 'list' ? size : null),
        shown: ({ kind, size }) => (kind === 'list' ? size.toLocaleString('en') : paint('dim', 'a rule')),
        align: 'right',
      },
      { title: 'by', value: ({ kind, by }) => (kind === 'list' ? by : null), shown: ({ kind, by }) => (kind === 'list' ? by : '') },
      { title: 'changed', value: ({ changedAt }) => sayWhen(changedAt, look) },
      {
        title: 'used by',
        value: ({ usedBy }) => usedBy.join(' '),
        shown: ({ usedBy }) => (usedBy.length === 0 ? paint('dim', 'nothing') : usedBy.join(', ')),
      },
      { title: 'about', value: ({ description }) => description, shown: ({ description }) => paint('dim', description) },
    ],
    look,
    paint,
  )
}

async function show(context: Context, _: GlobalOptions, key: string, text: string | undefined): Promise<void> {
  const client = await context.connect()
  const answer = await client.call(routes.segments.show, { params: { key }, query: { text } }, context.signal)
  const { segment, keys, more } = answer
  context.answer(answer, () => {
    const { look, paint } = context
    const head = pairs(
      [
        [
          'segment',
          `${paint('bold', segment.key)} (${segment.kind === 'list' ? `${sayCount(segment.size, 'key')}, by ${segment.by}` : 'a rule'})`,
        ],
        ['about', segment.description],
        ['used by', segment.usedBy.length === 0 ? 'nothing' : segment.usedBy.join(', ')],
        ['version', `${segment.version}, ${sayWhen(segment.changedAt, look)} by ${segment.changedBy}`],
      ],
      context,
    )
    if (segment.kind === 'rule') return `${head}\n\n${ruleText(segment.rule, context)}`
    const some = keys.length === 0 ? [paint('dim', text === undefined ? 'It is empty.' : `No key contains ${text}.`)] : keys
    return [head, '', ...some, ...(more ? [paint('dim', `… more; all of them: belay segment download ${key}`)] : [])].join('\n')
  })
}

const told = (context: Context, segment: SegmentWire, made: boolean): void =>
  context.answer({ segment }, () => {
    const { paint } = context
    const keys = sayCount(segment.size, 'key')
    const says = segment.kind === 'list' ? (made ? `is made with ${keys}` : `has ${keys} now`) : made ? 'is made' : 'is changed'
    return `${paint('green', '●')} ${paint('bold', segment.key)} ${says}, version ${segment.version}.`
  })

async function create(context: Context, { rule, keys, by, description }: CreateOptions, key: string): Promise<void> {
  if ((rule === undefined) === (keys === undefined))
    throw fail('usage', { sentence: 'Say who is in it: either --rule RULE or --keys FILE.' })
  if (rule !== undefined && by !== undefined) throw fail('usage', { sentence: '--by is for lists; a rule names its attributes itself.' })
  const content: { rule?: JsonWire; upload?: Upload } =
    rule === undefined ? { upload: await openUpload(keys ?? '-') } : { rule: await readJson(rule) }
  const client = await context.connect()
  const body = { key, description, by, ...(content.upload === undefined ? { rule: content.rule } : { keys: [] }) }
  const made = await client.call(routes.segments.create, { body }, context.signal)
  if (content.upload === undefined) return told(context, made, true)
  try {
    told(context, await replace(context, key, content.upload, made.version), true)
  } catch (error) {
    // A list that could not be filled is no segment that anybody asked for.
    await client.call(routes.segments.remove, { params: { key } }).catch(() => {})
    throw error
  }
}

async function replace(context: Context, key: string, keys: Upload, version: number | undefined): Promise<SegmentWire> {
  const client = await context.connect()
  return sending(context, `Keys of ${key}`, keys, (body) =>
    client.call(routes.segments.upload, { params: { key }, query: { version }, upload: body }, context.signal),
  )
}

async function upload(context: Context, { version }: ChangeOptions, key: string, file: string): Promise<void> {
  told(context, await replace(context, key, await openUpload(file), version), false)
}

type Change = { readonly rule?: JsonWire; readonly description?: string; readonly add?: string[]; readonly remove?: string[] }

async function change(context: Context, { reason, version }: ChangeOptions, key: string, what: Change): Promise<void> {
  const client = await context.connect()
  const segment = await client.call(routes.segments.change, { params: { key }, body: { ...what, reason, version } }, context.signal)
  told(context, segment, false)
}

async function edit(context: Context, options: EditOptions, key: string): Promise<void> {
  const { rule, description } = options
  if (rule === undefined && description === undefined)
    throw fail('usage', { sentence: 'Say what to change: --rule RULE or --description TEXT.' })
  await change(context, options, key, { description, ...(rule === undefined ? {} : { rule: await readJson(rule) }) })
}

/** With --json the keys stand in the document; otherwise they flow, so that a million needs no memory. */
async function download(context: Context, { output }: GlobalOptions & { readonly output?: string }, key: string): Promise<void> {
  const response = await (await context.connect()).bytes(routes.segments.download, { params: { key } }, context.signal)
  if (output === undefined && context.json) {
    const keys = (await response.text()).split('\n').filter((line) => line !== '')
    return context.answer({ keys }, () => '')
  }
  const body = Readable.fromWeb(response.body as ReadableStream)
  if (output === undefined) return pipeline(body, process.stdout, { end: false })
  const half = `${output}.part`
  try {
    await pipeline(body, createWriteStream(half))
    await rename(half, output)
  } catch (error) {
    await rm(half, { force: true })
    throw error
  }
  context.answer({ segment: key, file: output }, () => `The keys of ${key} are in ${output}.`)
}

async function remove(context: Context, _: GlobalOptions, key: string): Promise<void> {
  await (await context.connect()).call(routes.segments.remove, { params: { key } }, context.signal)
  context.answer({ removed: key }, () => `Segment ${key} is gone.`)
}
