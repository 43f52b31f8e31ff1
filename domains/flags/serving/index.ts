/** Serving: client keys, OFREP, and definitions for those who evaluate in process. */
export { senderEnvironment } from './asker.ts'
export { type ClientKeys, openClientKeys } from './keys.ts'
export { clientKeyMigrations } from './keys-store.ts'
export { readRates } from './limits.ts'
export { servingRoutes, type ServingOptions } from './routes.ts'
