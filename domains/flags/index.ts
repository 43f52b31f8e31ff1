/** Flags: who gets which variant, in rings that a change climbs; their definitions, serving and what came of it. */
export { type Flags, openFlags } from './flags.ts'
export type { LiveEnvironment, LiveFlags, LiveNews } from './live-types.ts'
export type { EnvironmentInfo, Flag, Ring } from './model/flag.ts'
export { flagRoutes } from './routes.ts'
export { flagMigrations } from './store.ts'
