/** The schema of the file as editors and other validators read it: JSON Schema, draft 2020-12, of what a person writes. */
import { z } from 'zod'
import type { Path } from './finding.ts'
import { cloudFileSchema } from './schema.ts'

export type JsonSchema = {
  readonly type?: string
  readonly description?: string
  readonly examples?: readonly unknown[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly additionalProperties?: JsonSchema | boolean
  readonly items?: JsonSchema
  readonly anyOf?: readonly JsonSchema[]
  readonly required?: readonly string[]
}

let made: JsonSchema | undefined

/** The JSON Schema of `belay.yaml`, made from the very schema that the reader uses. */
export function cloudFileJsonSchema(): JsonSchema {
  made ??= {
    ...(z.toJSONSchema(cloudFileSchema, { io: 'input', target: 'draft-2020-12' }) as JsonSchema),
    ...{ $id: 'https://belay.dev/belay.schema.json', title: 'belay.yaml' },
  }
  return made
}

/** What the schema says of the place at `path`; several when it may be one thing or another. */
export function schemasAt(path: Path): readonly JsonSchema[] {
  return path.reduce<readonly JsonSchema[]>(
    (schemas, part) => schemas.flatMap((schema) => inner(schema, part)),
    unfold([cloudFileJsonSchema()]),
  )
}

/** The names of the members that may stand in the map at `path`. */
export function membersAt(path: Path): readonly string[] {
  return [...new Set(schemasAt(path).flatMap((schema) => Object.keys(schema.properties ?? {})))]
}

function inner(schema: JsonSchema, part: string | number): readonly JsonSchema[] {
  if (typeof part === 'number') return schema.items === undefined ? [] : unfold([schema.items])
  const known = schema.properties !== undefined && Object.hasOwn(schema.properties, part) ? schema.properties[part] : undefined
  const member = known ?? schema.additionalProperties
  return typeof member === 'object' ? unfold([member]) : []
}

function unfold(schemas: readonly JsonSchema[]): readonly JsonSchema[] {
  return schemas.flatMap((schema) => (schema.anyOf === undefined ? [schema] : unfold(schema.anyOf)))
}
