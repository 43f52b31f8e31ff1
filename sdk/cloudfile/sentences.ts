/** Turns the schema's complaints into sentences that begin with the value and end with what is allowed. */
import type { z } from 'zod'
import { type Finding, type Path, show } from './finding.ts'
import { type JsonSchema, membersAt, schemasAt } from './json-schema.ts'
import { suggestion } from './nearest.ts'

type Issue = z.core.$ZodIssue

export function findingsOf(issues: readonly Issue[], raw: unknown): readonly Finding[] {
  return issues.flatMap((issue) => ofIssue(issue, [], raw))
}

function ofIssue(issue: Issue, base: Path, raw: unknown): readonly Finding[] {
  const path = [...base, ...(issue.path as (string | number)[])]
  const value = valueAt(raw, path)
  const wrong = (message: string): readonly Finding[] => [{ path, at: 'value', message }]

  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: [...path, key],
      at: 'key' as const,
      message: key === '<<' ? 'merge keys are not read; repeat the members' : `is not known here${suggestion(key, membersAt(path))}`,
    }))
  }
  if (issue.code === 'invalid_key') {
    return [{ path, at: 'key', message: `${show(path.at(-1))} ${issue.issues[0]?.message ?? 'is not allowed as a name'}` }]
  }
  if (value === undefined) return wrong(`is missing${meaning(path)}`)
  switch (issue.code) {
    case 'invalid_union': {
      const branch = closestBranch(issue.errors)
      return branch === undefined ? wrong(ofType(value, path)) : branch.flatMap((inner) => ofIssue(inner, path, raw))
    }
    case 'invalid_type':
      return wrong(issue.expected === 'int' && typeof value === 'number' ? `${show(value)} is not a whole number` : ofType(value, path))
    case 'invalid_value':
      return wrong(ofChoice(value, issue.values))
    case 'too_small':
    case 'too_big':
      return wrong(ofSize(value, issue))
    case 'invalid_format':
      return wrong(issue.format === 'starts_with' ? `${show(value)} must begin with /` : `${show(value)} ${issue.message}`)
    case 'custom':
      return wrong(typeof value === 'object' ? issue.message : `${show(value)} ${issue.message}`)
    default:
      return wrong(`${show(value)} is not allowed: ${issue.message}`)
  }
}

/** Of several shapes, the one that the value was meant to have: of the right type at the top, with the fewest complaints. */
function closestBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const wrongAtTop = (issue: Issue): boolean =>
    issue.path.length === 0 &&
    (issue.code === 'invalid_type' || (issue.code === 'invalid_union' && closestBranch(issue.errors) === undefined))
  return branches.filter((issues) => !issues.some(wrongAtTop)).sort((a, b) => a.length - b.length)[0]
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
}

function ofType(value: unknown, path: Path): string {
  const schemas = schemasAt(path)
  const wanted = [...new Set(schemas.map((schema) => typeNames[schema.type ?? ''] ?? 'something else'))].join(' or ')
  if (value === null) return `is empty; expected ${wanted}${meaning(path)}`
  const example = exampleOf(schemas)
  if (typeof value === 'number' && example !== undefined) return `${show(value)} has no unit; write for example ${example as string}`
  const takesText = schemas.some((schema) => schema.type === 'string')
  if (takesText && (typeof value === 'number' || typeof value === 'boolean')) {
    return `${show(value)} must be a text; put it in quotes: '${String(value)}'`
  }
  return `${show(value)} is ${nameOfType(value)}; expected ${wanted}`
}

const exampleOf = (schemas: readonly JsonSchema[]): unknown => schemas.find((schema) => schema.examples !== undefined)?.examples?.[1]

function nameOfType(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (value instanceof Date) return 'a date'
  if (typeof value === 'number') return Number.isFinite(value) ? 'a number' : 'no ordinary number'
  return { string: 'a text', boolean: 'true or false', object: 'a map' }[typeof value as string] ?? typeof value
}

function ofChoice(value: unknown, allowed: readonly unknown[]): string {
  const words = allowed.map(String)
  if (value === null) return `is empty; expected ${words.length === 1 ? '' : 'one of '}${words.join(', ')}`
  if (words.length === 1) return `${show(value)} is not allowed; write ${words[0]} or leave it out`
  return `${show(value)} is not one of ${words.join(', ')}${typeof value === 'string' ? suggestion(value, words).replace(/; allowed.*/, '') : ''}`
}

type SizeIssue = Extract<Issue, { code: 'too_small' | 'too_big' }>
function ofSize(value: unknown, issue: SizeIssue): string {
  const limit = issue.code === 'too_small' ? `at least ${issue.minimum}` : `at most ${issue.maximum}`
  if (issue.origin === 'array') return issue.code === 'too_small' ? 'needs at least one entry' : `has too many entries; ${limit}`
  if (issue.origin === 'string') return value === '' ? 'is empty' : `${show(value)} has a wrong length; ${limit} characters`
  return `${show(value)} is out of range; ${limit}`
}

/** `: A shell command`: what the schema says first of the member. */
function meaning(path: Path): string {
  const description = schemasAt(path).find((schema) => schema.description !== undefined)?.description
  return description === undefined ? '' : `: ${description.split(/\.( |$)/)[0]}`
}

function valueAt(raw: unknown, path: Path): unknown {
  let value = raw
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined
    value = (value as Record<string | number, unknown>)[part]
  }
  return value
}
