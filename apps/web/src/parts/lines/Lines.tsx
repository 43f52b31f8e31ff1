import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react'
import { now, sayClockOnly, sayFull } from '../../time.ts'
import { CopyButton } from '../Command.tsx'
import type { Line } from './lines.ts'
import './lines.css'

const linePx = 20
/** Longer names are cut, so that the text keeps its room. */
const fromCharsMax = 26
/** Within this distance of the end the viewer is taken to be following. */
const endPx = 30

/** Many lines of text, of which only those in sight are drawn. Keeps to the end while it grows, until one scrolls up. */
export function Lines({ lines, empty, label, height }: { lines: readonly Line[]; empty: string; label: string; height?: number }) {
  const box = useRef<HTMLDivElement>(null)
  const [following, setFollowing] = useState(true)
  // All lines begin at the same place, whatever the length of the names before them.
  const fromChars = useMemo(() => Math.min(fromCharsMax, Math.max(0, ...new Set(lines.map((line) => line.from?.length ?? 0)))), [lines])
  const virtual = useVirtualizer({ count: lines.length, getScrollElement: () => box.current, estimateSize: () => linePx, overscan: 20 })

  const toEnd = () => {
    if (box.current) box.current.scrollTop = box.current.scrollHeight
  }
  useLayoutEffect(() => {
    if (following && lines.length > 0) toEnd()
  }, [following, lines.length])

  useEffect(() => {
    const element = box.current
    if (element === null) return
    const onScroll = () => setFollowing(element.scrollHeight - element.scrollTop - element.clientHeight < endPx)
    element.addEventListener('scroll', onScroll, { passive: true })
    return () => element.removeEventListener('scroll', onScroll)
  }, [])

  return (
    <div className="lines-frame" style={{ height }}>
      {/* Focusable so that the keyboard can scroll it. */}
      <div className="lines mono" ref={box} tabIndex={0} role="log" aria-live="off" aria-label={label}>
        {lines.length === 0 && <p className="soft">{empty}</p>}
        <div style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((row) => {
            const line = lines[row.index]
            if (line === undefined) return null
            return (
              <div
                key={row.key}
                className={`line ${row.index === lines.length - 1 ? 'line-last' : ''}`}
                style={{ transform: `translateY(${row.start}px)`, height: linePx }}
              >
                {line.at !== null && (
                  <time className="soft" dateTime={new Date(line.at).toISOString()} data-tip={sayFull(line.at, now())}>
                    {sayClockOnly(line.at)}
                  </time>
                )}
                {line.from !== null && (
                  <span className="soft line-from clip" style={{ width: `${fromChars}ch` }} title={line.from}>
                    {line.from}
                  </span>
                )}
                <span>{line.text}</span>
              </div>
            )
          })}
        </div>
      </div>
      <div className="lines-tools">
        {!following && (
          <button type="button" className="btn small" onClick={toEnd}>
            To the end
          </button>
        )}
        {lines.length > 0 && <CopyButton text={lines.map((line) => line.text).join('\n')} label="Copy all" />}
      </div>
    </div>
  )
}
