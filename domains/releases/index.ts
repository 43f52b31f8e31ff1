/** Releases: immutable versions, cut from git or pushed by a CI server, with an artifact for each service. */
export type { BundleManifest } from './bundle.ts'
export {
  type Change,
  type Commit,
  type DatabaseStep,
  type Release,
  type ReleaseConfig,
  type ReleaseService,
} from './model.ts'
export { type CutProgress, type Made, openReleases, type ReleaseDiff, type Releases, type ReleasesOptions } from './releases.ts'
export { releaseRoutes, type ReleaseView } from './routes.ts'
export { releaseMigrations } from './store.ts'
