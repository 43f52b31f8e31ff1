import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import { entries } from './catalogue.ts'
import { describeCommands, scriptFor, shells } from './completion.ts'
import { createProgram, pathOf } from './program.ts'
import { commandsPage } from './reference.ts'

const program = await createProgram()
const leaves = (command: Command): Command[] => {
  const inner = command.commands.flatMap(leaves)
  // `belay ledger` runs by itself and has `verify` below it; a group has nothing to run.
  const runs = (command as unknown as { _actionHandler: unknown })._actionHandler !== null
  return runs ? [command, ...inner] : inner
}
const help = (command: Command): string => {
  let text = ''
  command.configureOutput({ writeOut: (piece) => (text += piece) })
  command.outputHelp()
  return text
}
const all: readonly [path: string, command: Command][] = leaves(program).map((command) => [pathOf(command), command])

describe('every command', () => {
  test('is one of these', () => {
    expect(all.map(([path]) => path.replace('belay ', ''))).toEqual([
      ...['demo', 'init', 'check', 'doctor', 'serve', 'stop', 'open', 'now', 'up', 'down', 'env ls', 'env show', 'logs'],
      ...['sandbox create', 'sandbox ls', 'sandbox extend', 'sandbox rm'],
      ...['release cut', 'release ls', 'release show', 'release diff', 'release push', 'release save'],
      ...['rehearse', 'deploy', 'rollback', 'approve', 'abort', 'resume', 'deployment ls', 'deployment show'],
      ...['flag ls', 'flag show', 'flag history', 'flag create', 'flag edit', 'flag on', 'flag off', 'flag ring', 'flag split'],
      ...['flag default', 'flag rules', 'flag inherit', 'flag kill', 'flag restore', 'flag revert', 'flag archive', 'flag unarchive'],
      ...['flag evaluate', 'flag references', 'flag import', 'flag export'],
      ...['flag proposals', 'flag approve', 'flag reject', 'flag cancel'],
      ...['segment ls', 'segment show', 'segment create', 'segment edit', 'segment add', 'segment remove'],
      ...['segment upload', 'segment download', 'segment rm'],
      ...['ring ls', 'ring add', 'ring rm', 'flag-key create', 'flag-key ls', 'flag-key rm'],
      ...['calls top', 'calls show', 'calls trend', 'calls changes', 'calls compare', 'calls flags', 'calls budgets', 'calls import'],
      ...['tcp', 'tcp compare', 'tcp live', 'tcp record', 'tcp send'],
      ...['network sessions', 'network session', 'network calls', 'network captures', 'network compare'],
      ...['ledger', 'ledger verify', 'user ls', 'user add', 'user role', 'user rm', 'user link'],
      ...['token create', 'token ls', 'token rm', 'completion'],
    ])
  })

  test.each(all)('%s takes --json and --url and shows an example of itself', (path, command) => {
    expect(command.options.map(({ long }) => long)).toEqual(expect.arrayContaining(['--json', '--url']))
    const text = help(command)
    expect(text).toContain(`Usage: ${path.replace(' now', ' now|status')}`)
    expect(text).toMatch(/Examples?:\n/)
    expect(text.slice(text.indexOf('Example'))).toMatch(new RegExp(`${path}|belay status`))
  })

  test.each(all)('%s explains each of its arguments and options', (_, command) => {
    for (const { description } of [...command.registeredArguments, ...command.options]) expect(description).not.toBe('')
  })

  test('the catalogue says of each what the command says of itself', () => {
    for (const { name, summary } of entries) expect(program.commands.find((command) => command.name() === name)?.summary()).toBe(summary)
  })
})

test('docs/reference/commands.md is what the commands say (else run: node apps/cli/reference.ts)', async () => {
  const page = readFileSync(new URL('../../docs/reference/commands.md', import.meta.url), 'utf8')
  expect(page).toBe(commandsPage(await createProgram()))
})

test('the help of belay lists the exit codes', () => {
  const text = help(program)
  for (const code of ['0', '1', '2', '3', '4', '130']) expect(text).toMatch(new RegExp(`^ +${code}  `, 'm'))
})

test.each(shells)('the completion script for %s knows every command and its options', (shell) => {
  const script = scriptFor(shell, describeCommands(program))
  for (const word of ['rehearse', 'release cut', 'extend', 'rebuild', 'chaos']) expect(script).toContain(word)
})
