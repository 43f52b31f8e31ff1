/**
 * Writes docs/reference/problems.md, every refusal that a person may read: node tools/problems.ts. A test says when it
 * is no longer current. The sentences are taken from the catalogues' own source, facts in capitals.
 */
import { globSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { writeWhole } from '@belay/base/node'

const root = join(import.meta.dirname, '..')

/** What `defineProblems` gives, as far as it is read here. */
type Catalogue = { readonly catalogue: Readonly<Record<string, { readonly status: number; readonly say: (facts: never) => string }>> }

export type ProblemEntry = { readonly code: string; readonly room: string; readonly status: number; readonly sentence: string }

/** All entries of all catalogues, by code. A catalogue is what `defineProblems` made in a file `problems.ts`. */
export async function allProblems(): Promise<ProblemEntry[]> {
  const entries: ProblemEntry[] = []
  for (const file of globSync('{apps,domains,platform,sdk}/*/{,*/}problems.ts', { cwd: root }).sort()) {
    const exported = (await import(pathToFileURL(join(root, file)).href)) as Record<string, unknown>
    for (const { catalogue } of Object.values(exported).filter(isCatalogue)) {
      for (const [code, { status, say }] of Object.entries(catalogue)) {
        entries.push({ code, room: dirname(file), status, sentence: sentenceIn(say.toString()) })
      }
    }
  }
  return entries.sort((a, b) => a.code.localeCompare(b.code, 'en'))
}

function isCatalogue(value: unknown): value is Catalogue {
  return typeof value === 'function' && 'catalogue' in value
}

/** The longest text in the function's source, with each `${f.name}` as NAME and anything longer as an ellipsis. */
function sentenceIn(source: string): string {
  const texts: string[] = []
  for (let at = 0; at < source.length; at++) {
    const quote = source[at] as string
    if (!'`\'"'.includes(quote)) continue
    let text = ''
    for (at++; at < source.length && source[at] !== quote; at++) {
      if (quote === '`' && source.startsWith('${', at)) {
        const end = closingBrace(source, at + 2)
        const fact = /^f\.(\w+)$/.exec(source.slice(at + 2, end).trim())
        text += fact === null ? '…' : (fact[1] as string).toUpperCase()
        at = end
      } else if (source[at] === '\\') {
        const escaped = source[++at] as string
        text += escaped === 'n' ? ' ' : escaped
      } else text += source[at]
    }
    texts.push(text)
  }
  return texts.reduce((longest, text) => (text.length > longest.length ? text : longest), '') || 'The sentence says what.'
}

function closingBrace(source: string, from: number): number {
  let depth = 1
  for (let at = from; at < source.length; at++) {
    if (source[at] === '{') depth++
    if (source[at] === '}' && --depth === 0) return at
  }
  return source.length
}

export async function problemsPage(): Promise<string> {
  const rows = (await allProblems()).map(({ code, status, sentence }) => `| \`${code}\` | ${status} | ${sentence.replaceAll('|', '\\|')} |`)
  return [
    '# Problems',
    '',
    'What Belay refuses or cannot do is told by a code for machines (`code`, in errors of the API and of `--json`), an HTTP',
    'status and a sentence. Codes stay; sentences may get better. Words in capitals stand for facts, which come beside the',
    'sentence as fields. (Made by `node tools/problems.ts`.)',
    '',
    '| code | status | sentence |',
    '|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}

if (import.meta.main) await writeWhole(join(root, 'docs/reference/problems.md'), await problemsPage())
