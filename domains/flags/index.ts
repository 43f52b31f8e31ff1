/** Flags: who gets which variant, in rings that a change climbs; their definitions, serving and what came of it. */
export { type FlagHouse, flagHouseMigrations, flagHouseRoutes, openFlagHouse } from './house.ts'
export type { EnvironmentInfo } from './model/flag.ts'
