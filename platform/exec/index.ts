/** Processes: running commands, the orders that an agent takes, and the way to an agent. */
export { type Agent, connectAgent, type EventOf } from './agent.ts'
export { privateFolder, socketPathOf } from './agent-place.ts'
export { type Argv, type CommandOptions, type CommandResult, runCommand, streamCommand } from './command.ts'
export { lineCutter } from './lines.ts'
export {
  type Events,
  type Failure,
  type HostFacts,
  type JobEnd,
  type JournalEntry,
  type Order,
  type OrderName,
  orders,
  type ParsedOrder,
  type ParsedServiceSpec,
  type ProbeResult,
  type ProbeSpec,
  type Results,
  type ServiceSpec,
  type ServiceStatus,
} from './orders.ts'
