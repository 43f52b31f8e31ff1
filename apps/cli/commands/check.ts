import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { type CloudFileProblem, formatProblem, readCloudFile } from '@belay/cloudfile'
import { sayCount } from '@belay/base'
import { leaf } from '../command.ts'
import { type Context, runs, type GlobalOptions } from '../context.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { reasonOf } from '../input.ts'
import { folderWithCloudFile } from '../place.ts'
import { fail } from '../problems.ts'

export const command = () =>
  leaf('check', 'check belay.yaml: everything that is wrong, at once', [
    ['belay check', 'the belay.yaml here or above'],
    ['belay check deploy/belay.yaml', 'another file'],
    ['belay check --json | jq .problems', 'for editors and CI'],
  ])
    .argument('[file]', 'the file; by default belay.yaml here or above')
    .action(runs(check))

async function check(context: Context, _: GlobalOptions, named: string | undefined): Promise<ExitCode> {
  const folder = folderWithCloudFile(process.cwd())
  if (named === undefined && folder === undefined) throw fail('no-cloud', { folder: process.cwd() })
  const path = named ?? join(folder ?? '.', 'belay.yaml')
  const shown = named ?? relative(process.cwd(), path)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw fail('file-unreadable', { file: shown, because: reasonOf(error) }, error)
  }
  const { file, problems } = readCloudFile(text, shown)
  if (file !== undefined) {
    const counts = [
      sayCount(Object.keys(file.services).length, 'service'),
      sayCount(Object.keys(file.environments).length, 'environment'),
      sayCount(file.deploy.length, 'deployment step'),
    ]
    context.answer({ ok: true, file: shown, problems: [] }, () => `${context.paint('green', '●')} ${shown} is good: ${counts.join(', ')}.`)
    return exitCodes.ok
  }
  const message = `${shown} has ${sayCount(problems.length, 'problem')}.`
  context.answer(
    { ok: false, file: shown, problems, error: { code: 'cloud-file-problems', message, facts: { count: problems.length } } },
    () => [...problems.map((problem) => withSource(problem, text, context)), ...(context.look.terminal ? ['', message] : [])].join('\n'),
  )
  return exitCodes.failed
}

/** In a terminal the line itself stands below, with a mark under the place. */
function withSource(problem: CloudFileProblem, text: string, { look, paint }: Context): string {
  const sentence = formatProblem(problem)
  if (!look.terminal) return sentence
  const place = `${problem.file}:${problem.line}:${problem.column}:`
  const source = (text.split(/\r\n|\n|\r/)[problem.line - 1] ?? '').replaceAll('\t', ' ')
  const gutter = `${String(problem.line).padStart(5)} ${paint('dim', '|')} `
  const mark = `${' '.repeat(5)} ${paint('dim', '|')} ${' '.repeat(problem.column - 1)}${paint('red', '^')}`
  return `${paint('bold', place)}${sentence.slice(place.length)}\n${gutter}${paint('dim', source)}\n${mark}`
}
