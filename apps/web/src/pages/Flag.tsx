import { everyEnvironment, type FlagPageWire, routes } from '@belay/protocol'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { ask } from '../api.ts'
import { Answered } from '../parts/Answered.tsx'
import { ChangedCosts } from '../parts/calls/ChangedCosts.tsx'
import { Chip, Sign } from '../parts/Chip.tsx'
import { About } from '../parts/flags/About.tsx'
import { Code } from '../parts/flags/Code.tsx'
import { Evaluations } from '../parts/flags/Evaluations.tsx'
import { sayWhoGetsWhat } from '../parts/flags/exposure.ts'
import { History } from '../parts/flags/History.tsx'
import { Proposals } from '../parts/flags/Proposals.tsx'
import { Serving } from '../parts/flags/Serving.tsx'
import { StaleChip } from '../parts/flags/StaleChip.tsx'
import { sayEnvironment, useEnvironments, useLadder } from '../parts/flags/useLadder.ts'
import { Who } from '../parts/flags/Who.tsx'
import { PageHead } from '../parts/Page.tsx'
import { Time } from '../parts/Time.tsx'
import { flagWords } from '../words.ts'
import '../parts/flags/flag.css'

const page = getRouteApi('/flags/$key')

const tabs = [
  { tab: undefined, says: 'Rings and rules' },
  { tab: 'who', says: 'Who sees what' },
  { tab: 'history', says: 'History' },
  { tab: 'evaluations', says: 'Evaluations' },
  { tab: 'code', says: 'Code' },
  { tab: 'about', says: 'About' },
] as const
/** What these show is of one environment. */
const ofOneEnvironment: readonly (string | undefined)[] = ['who', 'evaluations']
const ofNoEnvironment: readonly (string | undefined)[] = ['history', 'code', 'about']

export function FlagPage() {
  const { key } = page.useParams()
  const flag = useQuery(ask(routes.flags.show, { params: { key } }))
  return (
    <Answered query={flag} height={420}>
      {(it) => <Shown key={it.flag.key} it={it} />}
    </Answered>
  )
}

function Shown({ it }: { it: FlagPageWire }) {
  const search = page.useSearch()
  const navigate = useNavigate({ from: '/flags/$key' })
  const { rings, names } = useLadder()
  const order = useEnvironments()
  const { flag, standings } = it
  const known = standings.map((one) => one.environment).filter((name) => name !== everyEnvironment)
  const environments = [
    ...order.map((one) => one.name).filter((name) => known.includes(name)),
    ...known.filter((name) => !order.some((one) => one.name === name)),
  ]
  const one = ofOneEnvironment.includes(search.tab)
  const asked = search.environment
  const isThere = asked !== undefined && (environments.includes(asked) || (asked === everyEnvironment && !one))
  const environment = isThere ? asked : (environments[0] ?? everyEnvironment)
  const state = standings.find((standing) => standing.environment === environment)?.state ?? 'resting'
  const set = (change: Partial<typeof search>) =>
    void navigate({ search: (before) => ({ ...before, ...change }), replace: true, resetScroll: false })
  return (
    <>
      <PageHead
        title={sayWhoGetsWhat(flag, environment, names)}
        tab={flag.key}
        over={
          <>
            <Link to="/flags" className="link soft">
              Flags
            </Link>
            <span className="soft">/</span>
            <code className="strong flag-key">{flag.key}</code>
            <Chip word={flag.archivedAt === null ? flagWords[state] : { tone: 'none', says: 'archived' }} />
            <StaleChip stale={it.stale} />
          </>
        }
        sub={
          <>
            {flag.description !== '' && <div className="flag-description">{flag.description}</div>}
            {flag.kind}
            {flag.owner !== null && ` · owned by ${flag.owner}`}
            {flag.tags.length > 0 && ` · ${flag.tags.join(', ')}`}
            {flag.expiresAt !== null && (
              <>
                {' · '}should be gone <Time at={flag.expiresAt} />
              </>
            )}
            {' · '}version {flag.version}, changed <Time at={flag.changedAt} /> by {flag.changedBy}
          </>
        }
      />
      <ChangedCosts cause={`flag:${flag.key}`} />
      <Proposals proposals={it.proposals} />
      <nav className="tabs" aria-label="What to look at">
        {tabs.map(({ tab, says }) => (
          <Link
            key={says}
            to="/flags/$key"
            params={{ key: flag.key }}
            search={(before) => ({ ...before, tab })}
            replace
            resetScroll={false}
            activeOptions={{ exact: true }}
            activeProps={{}}
            aria-current={tab === search.tab ? 'page' : undefined}
            className="tab"
          >
            {says}
          </Link>
        ))}
      </nav>
      {!ofNoEnvironment.includes(search.tab) && (
        <nav className="environment-tabs" aria-label="Environment">
          {[...environments, ...(one ? [] : [everyEnvironment])].map((name) => {
            const standing = standings.find((its) => its.environment === name)
            const word = flagWords[standing?.state ?? 'resting']
            return (
              <Link
                key={name}
                to="/flags/$key"
                params={{ key: flag.key }}
                search={(before) => ({ ...before, environment: name })}
                replace
                resetScroll={false}
                activeProps={{}}
                aria-current={name === environment ? 'page' : undefined}
                className="environment-tab"
                data-tip={
                  standing
                    ? `${standing.says}${standing.own || name === everyEnvironment ? '' : '\nas in every environment without a setting of its own'}`
                    : undefined
                }
              >
                <span className={`ink-${word.tone}`}>
                  <Sign tone={word.tone} />
                </span>
                {sayEnvironment(name)}
                {name !== everyEnvironment && standing?.own === true && <small className="soft">own</small>}
              </Link>
            )
          })}
        </nav>
      )}
      {search.tab === undefined && (
        <Serving
          page={it}
          environment={environment}
          rings={rings}
          json={search.json === 'yes'}
          onJson={(json) => set({ json: json ? 'yes' : undefined })}
        />
      )}
      {search.tab === 'who' && (
        <Who flag={flag} environment={environment} context={search.context} onContext={(context) => set({ context })} />
      )}
      {search.tab === 'history' && <History flag={flag} />}
      {search.tab === 'evaluations' && (
        <Evaluations
          flag={flag}
          environment={environment}
          span={search.for}
          table={search.table === 'yes'}
          onSpan={(span) => set({ for: span })}
          onTable={(table) => set({ table: table ? 'yes' : undefined })}
        />
      )}
      {search.tab === 'code' && <Code flag={flag.key} gitRef={search.ref} onRef={(ref) => set({ ref })} />}
      {search.tab === 'about' && <About page={it} />}
    </>
  )
}
