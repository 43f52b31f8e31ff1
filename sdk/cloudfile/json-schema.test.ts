import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { cloudFileJsonSchema, type JsonSchema, membersAt } from './json-schema.ts'

test('belay.schema.json is what the reader enforces (else run: node tools/schema.ts)', () => {
  const file = new URL('../../belay.schema.json', import.meta.url)
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(JSON.parse(JSON.stringify(cloudFileJsonSchema())))
})

test('every member tells an editor what it is for', () => {
  const silent: string[] = []
  const walk = (schema: JsonSchema, path: string): void => {
    for (const [name, member] of Object.entries(schema.properties ?? {})) {
      if (member.description === undefined) silent.push(`${path}${name}`)
      walk(member, `${path}${name}.`)
    }
    if (typeof schema.additionalProperties === 'object') walk(schema.additionalProperties, `${path}*.`)
    if (schema.items !== undefined) walk(schema.items, `${path}[].`)
  }
  walk(cloudFileJsonSchema(), '')
  expect(silent).toEqual([])
})

test('the members of any place can be named, for suggestions', () => {
  expect(membersAt([])).toEqual(['cloud', 'services', 'environments', 'deploy', 'rings', 'calls'])
  expect(membersAt(['services', 'web', 'env', 'KEY'])).toEqual(['fromEnv', 'fromFile'])
  expect(membersAt(['deploy', 3, 'check'])).toContain('within')
})
