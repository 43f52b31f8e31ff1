import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import { cloudFileJsonSchema, type FoundRepository, servicesIn, starterCloudFile } from '@belay/cloudfile'
import { writeWhole } from '@belay/base/node'
import { leaf } from '../command.ts'
import { type Context, runs, type GlobalOptions } from '../context.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { fail } from '../problems.ts'
import { lookAround } from '../repository.ts'

type Options = GlobalOptions & { readonly name?: string; readonly yes?: boolean; readonly force?: boolean }

export const command = () =>
  leaf('init', 'write a belay.yaml that fits this repository', [
    ['belay init', 'asks where it has to guess'],
    ['belay init --name shop --yes', 'asks nothing'],
  ])
    .option('--name <name>', 'the name of your cloud; by default that of the folder')
    .option('-y, --yes', 'ask nothing')
    .option('--force', 'write over a belay.yaml that is there already')
    .action(runs(init))

async function init(context: Context, options: Options): Promise<ExitCode> {
  const folder = process.cwd()
  const file = join(folder, 'belay.yaml')
  if (existsSync(file) && !options.force) throw fail('file-exists', { file: 'belay.yaml' })
  const found: FoundRepository = { folder: basename(folder), cloud: options.name, files: lookAround(folder) }
  const cloud = context.mayAsk && !options.yes ? await ask(found) : found.cloud
  const text = starterCloudFile({ ...found, cloud })
  await writeWhole(file, text)
  await writeWhole(join(folder, 'belay.schema.json'), `${JSON.stringify(cloudFileJsonSchema(), null, 2)}\n`)
  const wrote = ['belay.yaml', 'belay.schema.json']
  const services = servicesIn(found).map(({ name, because }) => ({ name, because }))
  const next = [
    existsSync(join(folder, '.git'))
      ? `git add ${wrote.join(' ')} && git commit -m "Tell Belay about this cloud"`
      : 'git init && git add . && git commit -m "Begin"',
    'belay up',
  ]
  context.answer({ wrote, services, next }, () =>
    [
      `${context.paint('green', '●')} Wrote ${wrote.join(', ')}.`,
      ...services.map(({ name, because }) => `  ${context.paint('bold', name)}  ${context.paint('dim', because)}`),
      `${context.paint('dim', 'Next:')} look through belay.yaml, then`,
      ...next.map((line) => `  ${line}`),
    ].join('\n'),
  )
  return exitCodes.ok
}

async function ask(found: FoundRepository): Promise<string | undefined> {
  const { intro, isCancel, log, text } = await import('@clack/prompts')
  intro('belay init')
  for (const { name, because, run } of servicesIn(found)) log.step(`service ${name}: ${run}\n${because}`)
  const answer = await text({
    message: 'What is your cloud called?',
    initialValue: found.cloud ?? found.folder.toLowerCase().replace(/[^a-z0-9-]+/g, '-'),
    validate: (value) =>
      /^[a-z][a-z0-9-]{0,31}$/.test(value ?? '')
        ? undefined
        : 'Use small letters, digits and dashes, a letter first, at most 32 characters.',
  })
  if (isCancel(answer)) throw fail('interrupted', { because: 'Nothing was written.' })
  return answer
}
