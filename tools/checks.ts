/**
 * The checks of the house: each is one tool with the house's own configuration, run on a folder. `npm test` runs them
 * on the repository; tests/checks runs them on a small house with deliberate violations, so that a checker which has
 * gone blind (a wrong pattern, a tool that reads nothing) is found out.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import config, { mayImport } from './directions.ts'

export type Outcome = { readonly ok: boolean; readonly text: string }
export type Check = { readonly name: string; readonly about: string; readonly run: (folder: string) => Promise<Outcome> }

export const checks: readonly Check[] = [
  {
    name: 'types',
    about: 'every file type-checks (TypeScript 7)',
    run: (folder) => node(folder, 'tsc7/bin/tsc', ['-p', '.', '--pretty', 'false']),
  },
  {
    name: 'lint',
    about: 'no forgotten promise, no any, no cycle, pure models (oxlint)',
    run: (folder) => node(folder, 'oxlint/bin/oxlint', ['--type-aware', '--deny-warnings', '--format=unix']),
  },
  {
    name: 'format',
    about: 'every file is formatted (biome)',
    run: async (folder) => {
      const { ok, text } = await node(folder, '@biomejs/biome/bin/biome', ['format', '--colors=off', '--max-diagnostics=none', '.'])
      // Each file has a heading; the differences below it are for `biome format --write` to mend, not to read.
      const files = text.split('\n').flatMap((line) => /^(\S+) (?:format|parse) ━/.exec(line)?.[1] ?? [])
      return { ok, text: ok || files.length === 0 ? text : `${files.join('\n')}\nbiome format --write mends them.` }
    },
  },
  {
    name: 'unused',
    about: 'no file, export or dependency without a use (knip)',
    run: async (folder) => {
      const behindDoors = await knip(folder)
      // A door may name types that only describe what it hands out; a value there must have a user. The doors of
      // sdk are for others.
      const families = ['apps', 'domains', 'platform', 'examples'].filter((family) => existsSync(join(folder, family)))
      const rooms = families.flatMap((family) => ['--workspace', `./${family}/*`])
      const atDoors = await knip(folder, '--include-entry-exports', '--include', 'exports', ...rooms)
      return { ok: behindDoors.ok && atDoors.ok, text: `${behindDoors.text}\n${atDoors.text}`.trim() }
    },
  },
  {
    name: 'unlisted',
    about: 'each workspace lists what it imports (knip)',
    run: (folder) => knip(folder, '--strict', '--include', 'unlisted,unresolved'),
  },
  { name: 'directions', about: 'imports go the ways that tools/directions.ts allows (dependency-cruiser)', run: directions },
]

function knip(folder: string, ...args: readonly string[]): Promise<Outcome> {
  return node(folder, 'knip/bin/knip.js', ['--no-progress', '--no-config-hints', ...args])
}

type Cruised = {
  readonly summary: {
    readonly totalCruised: number
    readonly violations: readonly { readonly from: string; readonly to: string; readonly rule: { readonly name: string } }[]
  }
}

async function directions(folder: string): Promise<Outcome> {
  const rooms = [...new Set(Object.keys(mayImport).map((room) => room.split('/')[0] as string))].filter((room) =>
    existsSync(join(folder, room)),
  )
  const outcome = await node(folder, 'dependency-cruiser/bin/dependency-cruiser.mjs', ['--config', configFile, '-T', 'json', ...rooms])
  let cruised: Cruised
  try {
    cruised = JSON.parse(outcome.text) as Cruised
  } catch {
    return { ok: false, text: outcome.text }
  }
  // Without a TypeScript it can work with, dependency-cruiser reads nothing and is content.
  if (cruised.summary.totalCruised === 0) return { ok: false, text: 'dependency-cruiser read no file at all' }
  const comments = new Map(config.forbidden.map((rule) => [rule.name, 'comment' in rule ? rule.comment : '']))
  const lines = cruised.summary.violations.map(
    ({ from, to, rule }) => `${from}: ${rule.name}: imports ${to}. ${comments.get(rule.name) ?? ''}`,
  )
  return { ok: lines.length === 0, text: lines.join('\n') }
}

const configFile = fileURLToPath(new URL('directions.ts', import.meta.url))

/** Runs a tool of the folder's node_modules on this very Node. */
function node(folder: string, tool: string, args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(folder, 'node_modules', tool), ...args], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined },
    })
    let text = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += String(chunk)))
    child.once('error', (error) => resolve({ ok: false, text: error.message }))
    child.once('close', (code) => resolve({ ok: code === 0, text: text.trim() }))
  })
}
