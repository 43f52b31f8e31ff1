/** TCP sessions of captures: taken, kept, compared, joined with the calls that travelled in them. */
export { networkMigrations } from './captures.ts'
export type { CallAsk, CallSource, Window } from './ground.ts'
export { networkRoutes } from './house.ts'
export type { CarriedCall } from './model.ts'
