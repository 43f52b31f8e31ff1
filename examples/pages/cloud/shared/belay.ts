/** What Belay tells every service, job and hook about where it stands, through environment variables. */
const env = process.env

export const here = {
  environment: env.BELAY_ENVIRONMENT ?? 'nowhere',
  host: env.BELAY_HOST ?? 'localhost',
  service: env.BELAY_SERVICE ?? 'unknown',
  release: env.BELAY_RELEASE ?? 'unreleased',
  /** `host:port` under which the others reach this service. */
  address: env.BELAY_ADDRESS ?? '127.0.0.1:0',
  port: Number(env.PORT ?? 0),
  /** A folder that survives releases. */
  data: env.BELAY_DATA ?? '.',
  /** Where this environment's flags are asked for, and the key for it. */
  flags: { url: env.BELAY_FLAGS_URL, key: env.BELAY_FLAGS_KEY },
}

/** `host:port` of every instance of a service in this environment; none while it has no host. */
export function addressesOf(service: string): string[] {
  const list = env[`BELAY_ADDRESSES_${service.toUpperCase().replaceAll('-', '_')}`] ?? ''
  return list.split(',').filter((address) => address !== '')
}

/** The hosts of this environment, as the others reach them. */
export function hostsOfEnvironment(): Set<string> {
  const lists = Object.entries(env).filter(([name]) => name.startsWith('BELAY_ADDRESSES_'))
  return new Set(lists.flatMap(([, list]) => (list ?? '').split(',').map((address) => address.slice(0, address.lastIndexOf(':')))))
}
