/** Processes: running commands, and the orders that an agent takes. */
export {
  type Events,
  type HostFacts,
  type JobEnd,
  type JournalEntry,
  type Order,
  type OrderName,
  orders,
  type ProbeResult,
  probeSpec,
  type ProbeSpec,
  type Results,
  type ServiceSpec,
  serviceSpec,
  type ServiceStatus,
} from './orders.ts'
