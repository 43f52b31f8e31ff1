import { sayCount, sayDuration } from '@belay/base'
import { type PlanWire, type ReleaseWire, routes } from '@belay/protocol'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { ask } from '../api.ts'
import { rehearsalWord } from '../words.ts'
import { Answered } from './Answered.tsx'
import { Chip } from './Chip.tsx'
import { Time } from './Time.tsx'
import './whatisin.css'

/** "api and web", "api, web and worker". */
export function sayList(names: readonly string[]): string {
  return names.length < 2 ? (names[0] ?? '') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}

/** "4 things need no work": what the plan leaves as it is. */
export const sayUnchanged = (plan: PlanWire): string =>
  `${sayCount(plan.unchanged.length, 'thing')} ${plan.unchanged.length === 1 ? 'needs' : 'need'} no work`

/** Which services are a new build, and which are the same. */
export function sayServices(release: ReleaseWire): string {
  const changed = release.services.filter((it) => it.changed).map((it) => it.service)
  const same = release.services.filter((it) => !it.changed).map((it) => it.service)
  if (changed.length === 0) return 'No service changed'
  return `${sayList(changed)} changed${same.length === 0 ? '' : `; ${sayList(same)} ${same.length === 1 ? 'is' : 'are'} the same build`}`
}

function RehearsalLine({ rehearsal }: { rehearsal: ReleaseWire['rehearsal'] }) {
  if (rehearsal === null) return <p className="soft">Not rehearsed</p>
  return (
    <p className="soft">
      Rehearsal{' '}
      <Link to="/rehearsals/$id" params={{ id: rehearsal.id }} className="link">
        {rehearsal.id}
      </Link>{' '}
      <Chip word={rehearsalWord(rehearsal.state)} tip={rehearsal.because} /> <Time at={rehearsal.at} />
      {rehearsal.durationMs !== null && `, in ${sayDuration(rehearsal.durationMs)}`}
    </p>
  )
}

/** In short words: commits, services, database steps, rehearsal. Beside a deployment and in the deploy dialog. */
export function WhatIsIn({ release: name, plan }: { release: string; plan?: PlanWire }) {
  const release = useQuery(ask(routes.releases.show, { params: { name } }))
  return (
    <Answered query={release} height={150}>
      {(it) => (
        <div className="what-is-in">
          <div>
            <Link to="/releases/$name" params={{ name }} className="mono strong link">
              {name}
            </Link>
            : {sayCount(it.commits.length, 'commit')} by {sayCount(it.authors.length, 'author')}
            {it.since && ` since ${it.since.release}`}
            <p className="soft">{sayServices(it)}</p>
          </div>
          <div>
            {it.databaseSteps.length === 0
              ? 'No step changes a database'
              : `${sayCount(it.databaseSteps.length, 'step')} ${it.databaseSteps.length === 1 ? 'changes' : 'change'} a database:`}
            {it.databaseSteps.map((step) => (
              <p key={step.step} className="soft">
                <code className="strong">{step.step}</code>, {step.hasUndo ? 'can be undone' : 'has no undo'}
                {step.paths.length > 0 && `, because of ${step.paths.slice(0, 3).join(', ')}${step.paths.length > 3 ? ' and others' : ''}`}
              </p>
            ))}
          </div>
          <RehearsalLine rehearsal={it.rehearsal} />
          {[...(plan?.warnings ?? []), ...(plan === undefined ? it.warnings : [])].map((warning) => (
            <p key={warning} className="is-held warning">
              {warning}
            </p>
          ))}
          {plan && plan.unchanged.length > 0 && (
            <details>
              <summary className="soft">{sayUnchanged(plan)}</summary>
              {plan.unchanged.map((same) => (
                <p key={`${same.host} ${same.service}`} className="soft">
                  {same.service} on {same.host}: {same.because}
                </p>
              ))}
            </details>
          )}
        </div>
      )}
    </Answered>
  )
}
