import { type FlagSummaryWire, routes } from '@belay/protocol'
import { useMantineColorScheme } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { Spotlight, type SpotlightActionGroupData, spotlight } from '@mantine/spotlight'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { ask } from '../api.ts'
import { goTo } from '../shortcuts.ts'
import { deploymentWords, environmentWords, nameDeployment } from '../words.ts'
import { useWhyNot } from './Allowed.tsx'
import '@mantine/core/styles/Input.css'
import '@mantine/spotlight/styles.css'
import './palette.css'

/** As many as fit without scrolling; typing narrows the rest. */
const shownMax = 12
const newest = 50
/** Of thousands of flags, those that fit what is typed. */
const flagsMax = 12
const methodsMax = 8
/** Fewer fit nearly every method. */
const methodCharsMin = 2
const pauseMs = 250

/** Where it stands for users, else what it does. */
function sayStanding(flag: FlagSummaryWire, production: string | undefined): string {
  const standing = flag.standings.find((it) => it.environment === production)
  return standing === undefined ? flag.description : `${standing.environment}: ${standing.says}`
}

/** Go anywhere, do anything: pages, releases, environments, deployments, and what can be done with them. */
export function Palette({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate()
  const { setColorScheme } = useMantineColorScheme()
  const { data: releases } = useQuery(ask(routes.releases.list, { query: { limit: newest } }))
  const { data: deployments } = useQuery(ask(routes.deployments.list, { query: { limit: newest } }))
  const { data: environments } = useQuery(ask(routes.environments.list, {}))
  const [typed, setTyped] = useState('')
  const { data: flags } = useQuery({
    ...ask(routes.flags.list, { query: { text: typed.trim() === '' ? undefined : typed.trim(), limit: flagsMax } }),
    placeholderData: (before) => before,
  })
  const [paused] = useDebouncedValue(typed.trim(), pauseMs)
  const { data: calls } = useQuery({
    ...ask(routes.calls.table, { query: { text: paused, limit: methodsMax, rank: 'count' } }),
    placeholderData: (before) => before,
    // The column store is not woken for each key, and a list of commands shows nobody its failure.
    enabled: paused.length >= methodCharsMin,
    retry: false,
  })
  const production = environments?.environments.find((it) => it.kind === 'production')?.name
  const mayDeploy = useWhyNot('deploy') === undefined
  const mayChangeFlags = useWhyNot('flag.change') === undefined
  const mayRehearse = useWhyNot('rehearsal.start') === undefined

  useEffect(() => {
    spotlight.open()
    return () => spotlight.close()
  }, [])

  // What was found by the server comes after the key: Enter takes the first of it too.
  useEffect(() => {
    const list = document.querySelector('.mantine-Spotlight-actionsList')
    if (list?.querySelector('[data-selected]') === null) list.querySelector('[data-action]')?.setAttribute('data-selected', 'true')
  }, [flags, calls])

  const actions: SpotlightActionGroupData[] = [
    {
      group: 'Pages',
      actions: goTo.map((it) => ({
        id: `page ${it.to}`,
        label: it.says,
        rightSection: <kbd>{it.keys}</kbd>,
        onClick: () => void navigate({ to: it.to }),
      })),
    },
    {
      group: 'Releases',
      actions: (releases?.releases ?? []).map((it) => ({
        id: `release ${it.name}`,
        label: it.name,
        description: it.environments.length > 0 ? `on ${it.environments.join(', ')}` : it.ref,
        onClick: () => void navigate({ to: '/releases/$name', params: { name: it.name } }),
      })),
    },
    {
      group: 'Environments',
      actions: (environments?.environments ?? []).map((it) => ({
        id: `environment ${it.name}`,
        label: it.name,
        description: `${environmentWords[it.state].says}${it.release === null ? '' : `, ${it.release}`}`,
        onClick: () => void navigate({ to: '/environments/$name', params: { name: it.name } }),
      })),
    },
    {
      group: 'Deployments',
      actions: (deployments?.deployments ?? []).map((it) => ({
        id: `deployment ${it.id}`,
        label: `${it.id}: ${nameDeployment(it)}`,
        description: deploymentWords[it.state].says,
        onClick: () => void navigate({ to: '/deployments/$id', params: { id: it.id } }),
      })),
    },
    {
      group: 'Flags',
      actions: (flags?.flags ?? []).map((it) => ({
        id: `flag ${it.key}`,
        label: it.key,
        description: sayStanding(it, production),
        keywords: [it.description, it.owner ?? '', ...it.tags],
        onClick: () => void navigate({ to: '/flags/$key', params: { key: it.key } }),
      })),
    },
    {
      group: 'Methods',
      actions: (typed.trim().length < methodCharsMin ? [] : (calls?.rows ?? [])).map((it) => ({
        id: `method ${it.service} ${it.method}`,
        label: it.method,
        description: `${it.service}: ${it.count.toLocaleString('en')} calls in the last 24 hours`,
        onClick: () => void navigate({ to: '/calls/method', search: { service: it.service, method: it.method } }),
      })),
    },
    {
      group: 'Do',
      actions: [
        ...(releases?.releases ?? []).slice(0, 10).flatMap((it) => [
          ...(mayDeploy
            ? [
                {
                  id: `deploy ${it.name}`,
                  label: `Deploy ${it.name}…`,
                  onClick: () => void navigate({ to: '/releases/$name', params: { name: it.name }, search: { deploy: '' } }),
                },
              ]
            : []),
          ...(mayRehearse
            ? [
                {
                  id: `rehearse ${it.name}`,
                  label: `Rehearse ${it.name}…`,
                  onClick: () => void navigate({ to: '/releases/$name', params: { name: it.name }, search: { rehearse: 'yes' } }),
                },
              ]
            : []),
        ]),
        ...(mayChangeFlags
          ? [{ id: 'new flag', label: 'New flag…', onClick: () => void navigate({ to: '/flags', search: { new: 'yes' } }) }]
          : []),
        { id: 'light', label: 'Colours: light', onClick: () => setColorScheme('light') },
        { id: 'dark', label: 'Colours: dark', onClick: () => setColorScheme('dark') },
        { id: 'auto', label: 'Colours: as the system', onClick: () => setColorScheme('auto') },
      ],
    },
  ]

  return (
    <Spotlight
      actions={actions}
      shortcut={null}
      query={typed}
      onQueryChange={setTyped}
      attributes={{ content: { 'aria-label': 'Go anywhere, do anything' } }}
      limit={shownMax}
      nothingFound="Nothing here is called that."
      onSpotlightClose={onClose}
      transitionProps={{ duration: 0 }}
      overlayProps={{ backgroundOpacity: 0.35 }}
      searchProps={{
        placeholder: 'A page, a release, an environment, a deployment, a flag, a method, something to do',
        'aria-label': 'Search everything',
      }}
    />
  )
}
