/** `belay.yaml`: its schema, its reader, its templates. */
export {
  type CheckSpec,
  type CloudFile,
  cloudFileSchema,
  type EnvironmentSpec,
  type EnvSpec,
  type HostSpec,
  type ServiceSpec,
  type StepSpec,
} from './schema.ts'
