import type { EnvironmentWire } from '@belay/protocol'
import { now, sayFull } from '../time.ts'
import { serviceWords } from '../words.ts'
import { Chip, Sign } from './Chip.tsx'
import './hostgrid.css'

type Service = EnvironmentWire['hosts'][number]['services'][number]

function Cell({ it }: { it: Service | undefined }) {
  if (it === undefined) return null
  const word = serviceWords[it.state]
  const tip = [
    `${it.service}: ${word.says}`,
    it.because,
    it.pid === null ? null : `process ${it.pid}`,
    it.sinceAt === null ? null : `since ${sayFull(it.sinceAt, now())}`,
    it.restarts > 0 ? `restarted ${it.restarts} times by the supervisor` : null,
  ]
    .filter(Boolean)
    .join('\n')
  return (
    <div className="host-cell" data-tip={tip}>
      <span className={`ink-${word.tone}`}>
        <Sign tone={word.tone} /> <span className="hidden">{word.says}</span>
        <span className="mono">{it.release ?? word.says}</span>
        {it.state !== 'running' && it.release !== null && <span className="host-state">{word.says}</span>}
        {it.restarts > 0 && <span className="tag">{it.restarts} restarts</span>}
      </span>
      <span className="soft host-more">
        {it.url ? (
          <a className="link" href={it.url} target="_blank" rel="noreferrer">
            {it.address ?? 'open'}
          </a>
        ) : (
          (it.address ?? '')
        )}
      </span>
    </div>
  )
}

/** Hosts down, services across: what runs where, in which release, under which address. */
export function HostGrid({ environment }: { environment: EnvironmentWire }) {
  const services = [...new Set(environment.hosts.flatMap((host) => host.services.map((it) => it.service)))]
  return (
    // Focusable so that the keyboard can scroll it.
    <div className="host-grid" tabIndex={environment.hosts.length > 12 ? 0 : undefined} role="group" aria-label="Services on hosts">
      <table className="list">
        <thead>
          <tr>
            <th scope="col">Host</th>
            {services.map((service) => (
              <th scope="col" key={service}>
                {service}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {environment.hosts.map((host) => (
            <tr key={host.name}>
              <th scope="row">
                <span className="mono strong">{host.name}</span>{' '}
                {!host.reachable && <Chip word={{ tone: 'fall', says: 'does not answer' }} tip={host.because} />}
                <span className="soft" data-tip={`Roles: ${host.roles.join(', ')}`}>
                  {host.driver}
                </span>
                {!host.reachable && host.because && <div className="soft">{host.because}</div>}
              </th>
              {services.map((service) => (
                <td key={service}>
                  <Cell it={host.services.find((it) => it.service === service)} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
