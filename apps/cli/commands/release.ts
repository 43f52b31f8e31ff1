import { createWriteStream, openAsBlob } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { pipeline } from 'node:stream/promises'
import { routes } from '@belay/protocol'
import { sayCount, sentenceOf } from '@belay/base'
import { countOption, group, leaf } from '../command.ts'
import { type Context, runs, type GlobalOptions } from '../context.ts'
import { cutRelease } from '../cut.ts'
import { fail } from '../problems.ts'
import { table, withSign } from '../terminal.ts'
import { commitTable, releaseTable, releaseView, sayRelease } from '../views.ts'

type CutOptions = GlobalOptions & { readonly ref?: string; readonly name?: string; readonly rebuild?: boolean }

export const command = () =>
  group(
    'release',
    'cut, list, compare, push and save releases',
    [['belay release cut', 'from the present commit']],
    [
      leaf('cut', 'build a release from a git ref; the same commit gives the same release', [
        ['belay release cut', 'from HEAD'],
        ['belay release cut --ref v1.4 --name v1.4', 'from a tag, with a name of its own'],
      ])
        .option('--ref <ref>', 'a git branch, tag or commit (default: HEAD)')
        .option('--name <name>', 'its name; by default the next number')
        .option('--rebuild', 'build again although this commit was built before')
        .action(runs(cut)),
      leaf('ls', 'releases, newest first', [['belay release ls', 'what changed, how its rehearsal went, where it runs']])
        .option('--limit <count>', 'how many at most', countOption(1, 500), 30)
        .action(runs(list)),
      leaf('show', 'one release: services, commits, database steps', [['belay release show v2', 'everything that is in it']])
        .argument('<release>', 'its name')
        .action(runs(show)),
      leaf('diff', 'what changed between two releases', [['belay release diff v1 v2', 'commits, services, steps']])
        .argument('<from>', 'a release')
        .argument('<to>', 'another')
        .action(runs(diff)),
      leaf('push', 'take a release that a CI server built', [
        ['belay release push v2.belay.tar', 'a bundle that `release save` wrote, perhaps elsewhere'],
      ])
        .argument('<file>', 'the bundle')
        .action(runs(push)),
      leaf('save', 'write a release to a file that `push` takes', [['belay release save v2 v2.belay.tar', 'to carry it to another server']])
        .argument('<release>', 'its name')
        .argument('<file>', 'where to write the bundle')
        .action(runs(save)),
    ],
  )

async function cut(context: Context, { ref, name, rebuild }: CutOptions): Promise<void> {
  const { release, existed } = await cutRelease(context, { ref, name, rebuild: rebuild ?? false })
  context.answer({ release, existed }, () =>
    [
      `${context.paint('green', '●')} ${sayRelease(release)} ${existed ? 'was there already: this commit was built before' : 'is cut'}.`,
      ...release.warnings.map((warning) => `${context.paint('yellow', '■')} ${warning}`),
      `${context.paint('dim', 'Next:')} belay rehearse ${release.name}`,
    ].join('\n'),
  )
}

async function list(context: Context, { limit }: GlobalOptions & { readonly limit: number }): Promise<void> {
  const { releases } = await (await context.connect()).call(routes.releases.list, { query: { limit } }, context.signal)
  context.answer({ releases }, () =>
    releases.length === 0 && context.look.terminal ? 'No release yet. Cut one with: belay release cut' : releaseTable(releases, context),
  )
}

async function show(context: Context, _: GlobalOptions, name: string): Promise<void> {
  const release = await (await context.connect()).call(routes.releases.show, { params: { name } }, context.signal)
  context.answer({ release }, () => releaseView(release, context))
}

async function diff(context: Context, _: GlobalOptions, from: string, to: string): Promise<void> {
  const it = await (await context.connect()).call(routes.releases.diff, { params: { name: from, to } }, context.signal)
  const changes = [
    ...it.services.map(({ service, change }) => ({ what: 'service', name: service, change })),
    ...it.steps.map(({ step, change }) => ({ what: 'step', name: step, change })),
    ...it.databaseSteps.map(({ step }) => ({ what: 'database', name: step, change: 'changes data' })),
  ]
  context.answer({ diff: it }, () =>
    [
      ...(context.look.terminal ? [`${context.paint('bold', `${it.from} → ${it.to}`)}: ${sayCount(it.commits.length, 'commit')}`, ''] : []),
      table(
        changes,
        [
          { title: 'what', value: ({ what }) => what },
          { title: 'name', value: ({ name }) => name, shown: ({ name }) => context.paint('bold', name) },
          {
            title: 'change',
            value: ({ change }) => change,
            shown: ({ change }) => (change === 'same' ? context.paint('dim', change) : context.paint('cyan', change)),
          },
        ],
        context.look,
        context.paint,
      ),
      ...(it.commits.length === 0 || !context.look.terminal ? [] : ['', commitTable(it.commits, context)]),
    ].join('\n'),
  )
}

async function push(context: Context, _: GlobalOptions, file: string): Promise<void> {
  let upload: Blob
  try {
    upload = await openAsBlob(file)
  } catch (error) {
    throw fail('file-unreadable', { file, because: sentenceOf(error) }, error)
  }
  const { release, existed } = await (await context.connect()).call(routes.releases.push, { upload }, context.signal)
  context.answer(
    { release, existed },
    () => `${withSign('done', context.paint)}: ${sayRelease(release)} ${existed ? 'was there already' : 'is taken'}.`,
  )
}

/** A neighbour is written first, so that a broken connection leaves no half bundle under the name. */
async function save(context: Context, _: GlobalOptions, name: string, file: string): Promise<void> {
  const response = await (await context.connect()).bytes(routes.releases.bundle, { params: { name } }, context.signal)
  const half = `${file}.part`
  try {
    await pipeline(Readable.fromWeb(response.body as ReadableStream), createWriteStream(half))
    await rename(half, file)
  } catch (error) {
    await rm(half, { force: true })
    throw error
  }
  context.answer({ release: name, file }, () => `${name} is in ${file}. Take it elsewhere with: belay release push ${file}`)
}
