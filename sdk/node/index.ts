/** Belay for Node services: an OpenFeature provider that evaluates in process. See README.md. */
export type { Clock } from './clock.ts'
export type { BelayOptions } from './options.ts'
export { type BelayProvider, createBelayProvider } from './provider.ts'
