/** `belay.yaml`: its schema, its reader, its templates. */
export { cloudFileJsonSchema } from './json-schema.ts'
export { nearest } from './nearest.ts'
export { type CloudFileProblem, type CloudFileReading, formatProblem, readCloudFile } from './read.ts'
export {
  type CallsSpec,
  type CheckSpec,
  type CloudFile,
  cloudFileSchema,
  type EnvironmentSpec,
  type EnvSpec,
  type HostSpec,
  type RingSpec,
  type ServiceSpec,
  type StepSpec,
} from './schema.ts'
export { type FoundRepository, servicesIn, starterCloudFile, type StarterService } from './starter.ts'
