import type { CallFacetsWire } from '@belay/protocol'
import { useState } from 'react'
import { NamesPick } from './NamesPick.tsx'
import { Popup } from './Popup.tsx'
import { RangePick } from './RangePick.tsx'
import { everything, isNarrowed, sayCompared } from './asked.ts'
import { type CallsFilter, type Dimension, dimensions } from './search.ts'

const listOf: Readonly<Record<Dimension, (facets: CallFacetsWire) => readonly string[]>> = {
  audience: (it) => it.audiences,
  service: (it) => it.services,
  release: (it) => it.releases,
  lane: (it) => it.lanes,
  host: (it) => it.hosts,
  // There may be millions; one is named.
  account: () => [],
  variant: (it) => it.variants,
}

/** What the view is about, as chips that open. Every choice is in the address. */
export function Filters({
  filter,
  facets,
  environment,
  without = [],
  onChange,
}: {
  filter: CallsFilter
  facets: CallFacetsWire | undefined
  /** The one that was answered about, when none was asked for. */
  environment: string | undefined
  without?: readonly Dimension[]
  onChange: (change: CallsFilter) => void
}) {
  return (
    <div className="chips" role="group" aria-label="Which calls">
      <OnePick
        label="environment"
        value={filter.environment ?? environment}
        options={facets?.environments ?? []}
        onChange={(name) => onChange({ environment: name })}
      />
      <RangePick filter={filter} onChange={onChange} />
      {dimensions
        .filter((it) => !without.includes(it))
        .map((it) => (
          <NamesPick
            key={it}
            label={it}
            value={filter[it]}
            options={facets === undefined ? [] : listOf[it](facets)}
            onChange={(names) => onChange({ [it]: names })}
          />
        ))}
      <button
        type="button"
        className="pick-chip"
        aria-pressed={filter.external === 'without'}
        data-set={filter.external === 'without' ? '' : undefined}
        data-tip="Time that calls wait for other services, part of real time"
        onClick={() => onChange({ external: filter.external === 'without' ? undefined : 'without' })}
      >
        external time
        {filter.external === 'without' && (
          <>
            : <span>left out</span>
          </>
        )}
      </button>
      <ComparePick value={filter.compare} facets={facets} onChange={(compare) => onChange({ compare })} />
      {isNarrowed(filter) && (
        <button type="button" className="btn plain" onClick={() => onChange(everything)}>
          Clear
        </button>
      )}
    </div>
  )
}

function OnePick({
  label,
  value,
  options,
  onChange,
}: {
  label: string
  value: string | undefined
  options: readonly string[]
  onChange: (name: string) => void
}) {
  return (
    <Popup label={label} name={`Which ${label}`} value={value}>
      {(close) => (
        <div className="popup-list">
          {options.map((it) => (
            <button
              key={it}
              type="button"
              className="popup-option"
              aria-pressed={it === value}
              onClick={() => {
                onChange(it)
                close()
              }}
            >
              {it}
            </button>
          ))}
          {options.length === 0 && <p className="soft">None is known yet.</p>}
        </div>
      )}
    </Popup>
  )
}

/** As many releases as one looks back. */
const releasesMax = 30

function ComparePick({
  value,
  facets,
  onChange,
}: {
  value: string | undefined
  facets: CallFacetsWire | undefined
  onChange: (compare: string | undefined) => void
}) {
  const [typed, setTyped] = useState('')
  const needle = typed.trim().toLowerCase()
  const releases = (facets?.releases ?? []).filter((it) => it.toLowerCase().includes(needle))
  const groups = [
    { name: 'Time', options: ['previous'] },
    { name: 'Release', options: releases.slice(0, releasesMax).map((it) => `release:${it}`) },
    { name: 'Lane', options: (facets?.lanes ?? []).map((it) => `lane:${it}`) },
  ]
  return (
    <Popup label="compare with" name="What to compare with" value={value === undefined ? undefined : sayCompared(value)}>
      {(close) => {
        const take = (compare: string | undefined) => {
          onChange(compare)
          close()
        }
        return (
          <>
            {(facets?.releases.length ?? 0) > 8 && (
              <input
                className="field"
                type="search"
                aria-label="Find a release"
                placeholder="Find a release"
                value={typed}
                onChange={(event) => setTyped(event.target.value)}
              />
            )}
            <div className="popup-list">
              <button type="button" className="popup-option" aria-pressed={value === undefined} onClick={() => take(undefined)}>
                nothing
              </button>
              {groups
                .filter((it) => it.options.length > 0)
                .map((group) => (
                  <div key={group.name} role="group" aria-label={group.name}>
                    <div className="popup-title">{group.name}</div>
                    {group.options.map((it) => (
                      <button key={it} type="button" className="popup-option" aria-pressed={it === value} onClick={() => take(it)}>
                        {sayCompared(it)}
                      </button>
                    ))}
                  </div>
                ))}
            </div>
          </>
        )
      }}
    </Popup>
  )
}
