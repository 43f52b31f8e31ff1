import { sayCount } from '@belay/base'
import type { EnvironmentWire } from '@belay/protocol'
import { Link } from '@tanstack/react-router'
import { sayOneUnit } from '../time.ts'
import { environmentWords, serviceWords } from '../words.ts'
import { Chip } from './Chip.tsx'
import { Time } from './Time.tsx'
import { useNow } from './useNow.ts'
import './environment.css'

/** Above this many a dot for each service would be a carpet; the count says more. */
const dotsMax = 60

/** A dot for each service on each host; what is not well differs in shape as well. */
function ServiceDots({ environment }: { environment: EnvironmentWire }) {
  const all = environment.hosts.flatMap((host) => host.services.map((service) => ({ host, service })))
  const running = all.filter(({ service }) => service.state === 'running').length
  return (
    <div className="service-dots">
      <span className="soft num">
        {running} of {sayCount(all.length, 'service')}
      </span>
      {all.length <= dotsMax && (
        <span className="dots" aria-hidden="true">
          {all.map(({ host, service }) => (
            <i
              key={`${host.name} ${service.service}`}
              className={`dot dot-${service.state}`}
              data-tip={`${service.service} on ${host.name}: ${serviceWords[service.state].says}${service.because ? `\n${service.because}` : ''}`}
            />
          ))}
        </span>
      )}
    </div>
  )
}

export function TimeLeft({ at }: { at: number }) {
  const leftMs = at - useNow(5_000)
  return (
    <span data-tip={new Date(at).toString()} className={leftMs < 600_000 ? 'strong' : ''}>
      {leftMs <= 0 ? 'time is up' : `${sayOneUnit(leftMs)} left`}
    </span>
  )
}

/** The address of the first service that a browser may open. */
export const openUrlOf = (environment: EnvironmentWire): string | undefined =>
  environment.hosts.flatMap((host) => host.services).find((service) => service.url !== null && service.state === 'running')?.url ??
  undefined

export function EnvironmentCard({ environment }: { environment: EnvironmentWire }) {
  const url = openUrlOf(environment)
  return (
    <article className="panel environment-card">
      <div className="row">
        <Link to="/environments/$name" params={{ name: environment.name }} className="strong environment-name clip" data-row="">
          {environment.name}
        </Link>
        <span className="push">
          <Chip word={environmentWords[environment.state]} tip={environment.because} />
        </span>
      </div>
      <div className="row environment-release">
        <span className="mono">{environment.release ?? 'nothing deployed'}</span>
        {url && (
          <a className="link soft push" href={url} target="_blank" rel="noreferrer">
            open
          </a>
        )}
      </div>
      <ServiceDots environment={environment} />
      <div className="soft clip">
        {environment.expiresAt !== null ? (
          <>
            <TimeLeft at={environment.expiresAt} />
            {environment.createdBy && `, by ${environment.createdBy}`}
          </>
        ) : environment.deployedAt !== null ? (
          <>
            deployed <Time at={environment.deployedAt} />, {sayCount(environment.hosts.length, 'host')}
          </>
        ) : (
          `${environment.kind}, ${sayCount(environment.hosts.length, 'host')}`
        )}
      </div>
      {(environment.lease ?? environment.because) && (
        <p className="soft environment-why">
          {environment.because ?? (environment.lease && `${environment.lease.reason} (${environment.lease.owner})`)}
        </p>
      )}
    </article>
  )
}
