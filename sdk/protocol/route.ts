import type { z } from 'zod'
import type { Action } from './permissions.ts'

export type Route = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly path: string
  /** The action that the asker must be allowed; `null`: open to anyone who reaches the port. */
  readonly needs: Action | null
  readonly summary: string
  readonly params?: z.ZodType
  readonly query?: z.ZodType
  readonly body?: z.ZodType
  readonly answer: z.ZodType
  /** `events`: server-sent events, `answer` is the shape of each one's data. `bytes`: an octet stream. */
  readonly stream?: 'events' | 'bytes'
  /** The body is an octet stream. */
  readonly upload?: true
  /** The most that a body has where the usual megabyte is too little. */
  readonly bodyMaxBytes?: number
}
export const route = <const R extends Route>(it: R): R => it

/** Long enough for a screen, short enough that one request cannot read a year. */
export const pageMax = 500
