/**
 * Columns that both databases keep alike. In migrations: `text`, `integer`, `bigint` (times in milliseconds, counts:
 * both come back as numbers), `real`; JSON is text in one spelling, booleans are 0 or 1.
 */
import { canonicalJson } from '@belay/base'
import { PostgresAdapter } from 'kysely'
import type { Db, Dialect } from './types.ts'

/** A JSON value as it stands in a text column. */
export const toJson = (value: unknown): string => canonicalJson(value)
/** The value of a text column that `toJson` wrote; the caller knows its shape because it wrote it. */
export const fromJson = <T>(text: string): T => JSON.parse(text) as T

/** A boolean column: integer 0 or 1. */
export type Flag = 0 | 1
export const toFlag = (value: boolean): Flag => (value ? 1 : 0)
export const fromFlag = (value: Flag): boolean => value === 1

/** Which database this is, for the rare statement (a trigger, a type) that must be written twice. */
export const dialectOf = (db: Db): Dialect => (db.getExecutor().adapter instanceof PostgresAdapter ? 'postgres' : 'sqlite')
