/**
 * Reads `belay.yaml` and says everything that is wrong with it at once, each with its line and column: the YAML
 * itself, then the schema, then what a schema cannot say (rules.ts).
 */
import { isAlias, isMap, isScalar, isSeq, type Document, type Node, type Pair, parseDocument, visit } from 'yaml'
import { brokenRules } from './rules.ts'
import { type Finding, fieldOf, show } from './finding.ts'
import { type CloudFile, cloudFileSchema } from './schema.ts'
import { findingsOf } from './sentences.ts'

export type CloudFileProblem = {
  readonly file: string
  /** From 1. */
  readonly line: number
  /** From 1, in UTF-16 units, as editors count. */
  readonly column: number
  /** `deploy[2].check.within`; empty when it is about the file as a whole. */
  readonly field: string
  readonly message: string
}
export type CloudFileReading =
  | { readonly file: CloudFile; readonly problems: readonly [] }
  | { readonly file: undefined; readonly problems: readonly CloudFileProblem[] }

/** A cloud of 500 hosts needs about 50 KiB; beyond 1 MiB it is some other file, and parsing it would block the server. */
const fileCharactersMax = 1024 * 1024
/** A person mends what they see; a mangled file can have thousands. */
const problemsMax = 100
/** Ten hosts that share a block of settings need ten; a bomb needs thousands. */
const aliasCountMax = 1_000

/** Never throws: whatever the text is, the answer is a file or a list of problems, sorted by place. */
export function readCloudFile(text: string, fileName: string): CloudFileReading {
  const placeOf = placesOf(text)
  const problem = (offset: number, field: string, message: string): CloudFileProblem => ({
    file: fileName,
    ...placeOf(offset),
    field,
    message,
  })
  const failed = (problems: readonly CloudFileProblem[]): CloudFileReading => ({ file: undefined, problems: sorted(problems) })

  if (text.length > fileCharactersMax) {
    return failed([problem(0, '', `has ${text.length.toLocaleString('en')} characters; at most ${fileCharactersMax.toLocaleString('en')}`)])
  }
  let document: Document.Parsed
  try {
    document = parseDocument(text, { prettyErrors: false })
  } catch {
    // The parser descends by recursion: a thousand brackets in a row exhaust the stack.
    return failed([problem(0, '', tooDeep)])
  }
  const complaints = [...document.errors, ...document.warnings].map((error) => ({
    fatal: error.code !== 'DUPLICATE_KEY',
    problem: problem(error.pos[0], '', sayYaml(error.code, error.message, text, error.pos[0])),
  }))
  // What follows a broken indentation is guesswork: more complaints would hide the one that matters.
  if (complaints.some(({ fatal }) => fatal)) return failed(complaints.map((it) => it.problem))
  if (document.contents === null) return failed([problem(0, '', 'is empty; belay init writes one that fits your repository')])

  const nowhere = unresolvedAliases(document)
  if (nowhere.length > 0) {
    return failed(nowhere.map(({ offset, name }) => problem(offset, '', `*${name} means nothing; no anchor &${name} stands above it`)))
  }

  let raw: unknown
  try {
    raw = document.toJS({ maxAliasCount: aliasCountMax })
  } catch {
    return failed([...complaints.map((it) => it.problem), problem(0, '', 'repeats itself through too many aliases; write the parts out')])
  }
  const parsed = cloudFileSchema.safeParse(raw)
  const findings = [...(parsed.success ? [] : findingsOf(parsed.error.issues, raw)), ...brokenRules(raw)]
  const problems = [
    ...complaints.map((it) => it.problem),
    ...findings.map((it) => problem(offsetOf(document, it), fieldOf(it.path), it.message)),
  ]
  return parsed.success && problems.length === 0 ? { file: parsed.data, problems: [] } : failed(problems)
}

/** `belay.yaml:12:9: deploy[2].check.within: "soon" is not a duration; write for example 500ms, 30s, 5m, 2h or 1d` */
export function formatProblem({ file, line, column, field, message }: CloudFileProblem): string {
  return `${file}:${line}:${column}: ${field === '' ? '' : `${field}: `}${message}`
}

/** Not yaml's own LineCounter: when parsing stops inside a text of several lines, it misses the last line breaks. */
function placesOf(text: string): (offset: number) => { line: number; column: number } {
  const starts = [0, ...[...text.matchAll(/\r\n|\n|\r/g)].map((end) => end.index + end[0].length)]
  return (offset) => {
    const index = Math.max(
      0,
      starts.findLastIndex((start) => start <= offset),
    )
    return { line: index + 1, column: offset - (starts[index] ?? 0) + 1 }
  }
}

function sorted(problems: readonly CloudFileProblem[]): readonly CloudFileProblem[] {
  // Where the schema and a rule complain of the same member, the schema goes first and says enough.
  const unique = new Map(problems.toReversed().map((it) => [`${it.line}:${it.column}:${it.field}`, it]))
  const ordered = [...unique.values()].sort((a, b) => a.line - b.line || a.column - b.column || (a.field < b.field ? -1 : 1))
  const last = ordered[problemsMax - 1]
  if (ordered.length <= problemsMax || last === undefined) return ordered
  return [...ordered.slice(0, problemsMax), { ...last, field: '', message: `and ${ordered.length - problemsMax} more problems` }]
}

const tooDeep = 'is nested too deeply to be read'
const yamlSentences: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'a tab cannot indent; use spaces',
  MULTIPLE_DOCS: 'a second document begins here (---); one file describes one cloud',
  BAD_INDENT: 'the indentation does not fit the lines above',
}

function unresolvedAliases(document: Document.Parsed): { offset: number; name: string }[] {
  const found: { offset: number; name: string }[] = []
  visit(document, {
    Alias: (_, alias) => {
      if (alias.resolve(document) === undefined) found.push({ offset: startOf(alias) ?? 0, name: alias.source })
    },
  })
  return found
}

function sayYaml(code: string, message: string, text: string, offset: number): string {
  if (code === 'DUPLICATE_KEY')
    return `${show(/^[^\s:]+/.exec(text.slice(offset))?.[0] ?? 'this key')} stands here a second time; keep one of them`
  if (/call stack/.test(message)) return tooDeep
  const unexpected = /^Unexpected .* token .*: (".*")$/s.exec(message)?.[1]
  if (unexpected !== undefined) return `${unexpected.slice(0, 40)} cannot stand here; look at the quotes and the indentation before it`
  return yamlSentences[code] ?? `is not YAML: ${message.charAt(0).toLowerCase()}${message.slice(1)}`
}

/** Where the finding is in the text. A member that is not there is where its parent is. */
function offsetOf(document: Document.Parsed, { path, at }: Finding): number {
  let node: Node | null = document.contents
  let offset = startOf(node) ?? 0
  for (const [index, part] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document) ?? null
    const last = index === path.length - 1
    if (isMap(node)) {
      const pair = node.items.find((it) => isScalar(it.key) && String(it.key.value) === String(part)) as Pair<Node, Node | null> | undefined
      if (pair === undefined) return offset
      const value = pair.value
      const empty = value === null || (isScalar(value) && value.value === null)
      // A map's own place is its name: that is where a person looks for what it lacks.
      const named = !last || at === 'key' || empty || isMap(value) || isSeq(value)
      offset = (named ? startOf(pair.key) : startOf(value)) ?? offset
      node = value
    } else if (isSeq(node) && typeof part === 'number') {
      const item = node.items[part] as Node | undefined
      if (item === undefined) return offset
      offset = startOf(item) ?? offset
      node = item
    } else {
      return offset
    }
  }
  return offset
}

const startOf = (node: Node | null): number | undefined => node?.range?.[0]
