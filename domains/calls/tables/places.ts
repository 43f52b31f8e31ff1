/** Which environment, service and method a question is about, and clear refusals of those that never were. */
import { nearest } from '@belay/cloudfile'
import { sql } from '@belay/columns'
import type { Ground } from './ground.ts'
import { tablesProblem } from './problems.ts'
import type { Selection } from './selection.ts'

/**
 * The environment that was asked for; else the only one for production; else the only one that has calls.
 * @throws Problem `calls-environment-unknown`, `calls-environment-needed`
 */
export async function environmentOf(ground: Ground, asked: string | undefined): Promise<string> {
  const known = await ground.environments()
  if (asked !== undefined) {
    if (known.some(({ name }) => name === asked)) return asked
    // A sandbox is gone sooner than its calls.
    const withCalls = await environmentsWithCalls(ground)
    if (withCalls.includes(asked)) return asked
    throw tablesProblem('calls-environment-unknown', {
      environment: asked,
      known: [...new Set([...known.map(({ name }) => name), ...withCalls])],
    })
  }
  const production = known.filter(({ kind }) => kind === 'production')
  if (production.length === 1) return (production[0] as { name: string }).name
  const withCalls = await environmentsWithCalls(ground)
  if (withCalls.length === 1) return withCalls[0] as string
  if (known.length === 1) return (known[0] as { name: string }).name
  throw tablesProblem('calls-environment-needed', { known: [...new Set([...known.map(({ name }) => name), ...withCalls])] })
}

export async function environmentsWithCalls({ columns }: Pick<Ground, 'columns'>): Promise<string[]> {
  const rows = await columns.query<{ environment: string }>(
    sql`SELECT DISTINCT toString(c.environment) AS environment FROM calls_day AS c ORDER BY environment LIMIT 1000`,
  )
  return rows.map(({ environment }) => environment)
}

/** @throws Problem `calls-service-unknown` for a service that is filtered by and never had a call here. */
export async function checkServices(ground: Ground, { environment, names }: Selection): Promise<void> {
  const asked = [...(names.service?.only ?? []), ...(names.service?.not ?? [])]
  if (asked.length === 0) return
  const services = await servicesOf(ground, environment)
  const unknown = asked.find((it) => !services.includes(it))
  if (unknown !== undefined)
    throw tablesProblem('calls-service-unknown', {
      service: unknown,
      environment,
      near: nearest(unknown, services) ?? null,
      known: services,
    })
}

async function servicesOf({ columns }: Ground, environment: string): Promise<string[]> {
  const rows = await columns.query<{ service: string }>(
    sql`SELECT DISTINCT toString(c.service) AS service FROM calls_day AS c WHERE c.environment = ${environment} ORDER BY service LIMIT 1000`,
  )
  return rows.map(({ service }) => service)
}

/** @throws Problem `calls-service-unknown`, `calls-method-unknown` when this method never had a call here. */
export async function checkMethod(ground: Ground, environment: string, service: string, method: string): Promise<void> {
  await checkServices(ground, { environment, names: { service: { only: [service], not: [] } }, real: 'real' })
  // A service has at most 2,000 methods by itself (methodsMax); some more come with other releases.
  const rows = await ground.columns.query<{ method: string }>(
    sql`SELECT DISTINCT toString(c.method) AS method FROM calls_day AS c WHERE c.environment = ${environment} AND c.service = ${service} LIMIT 20000`,
  )
  const methods = rows.map((it) => it.method)
  if (!methods.includes(method))
    throw tablesProblem('calls-method-unknown', { method, service, environment, near: nearest(method, methods) ?? null })
}
