import { useNavigate } from '@tanstack/react-router'
import { useEffect } from 'react'
import { goTo, readKey, type Typed } from './shortcuts.ts'

/** The element that `/` goes to, and the rows that j and k walk, are marked in the page by these attributes. */
const filterMark = '[data-filter]'
const rowMark = '[data-row]'

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))

function walkRows(by: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>(rowMark)].filter((row) => row.offsetParent !== null)
  const at = rows.findIndex((row) => row === document.activeElement || row.contains(document.activeElement))
  const next = at === -1 ? rows[by === 1 ? 0 : rows.length - 1] : rows[at + by]
  next?.focus()
  next?.scrollIntoView({ block: 'nearest' })
}

/** Listens for the page's keys, except while somebody types or a dialog is open. */
export function useShortcuts(on: { help: () => void; palette: () => void }): void {
  const navigate = useNavigate()
  useEffect(() => {
    let typed: Typed = { keys: [], at: 0 }
    const sequences = [...goTo.map((it) => it.keys), '/', 'j', 'k', '?']
    const onKey = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === 'k') {
        event.preventDefault()
        on.palette()
        return
      }
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isTyping(event.target)) return
      if (document.querySelector('[role="dialog"]') !== null) return
      const read = readKey(typed, event.key, event.timeStamp, sequences)
      typed = read.next
      if (read.hit === undefined) return
      event.preventDefault()
      if (read.hit === '?') on.help()
      else if (read.hit === '/') document.querySelector<HTMLInputElement>(filterMark)?.focus()
      else if (read.hit === 'j' || read.hit === 'k') walkRows(read.hit === 'j' ? 1 : -1)
      else {
        const place = goTo.find((it) => it.keys === read.hit)
        if (place !== undefined) void navigate({ to: place.to })
      }
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [navigate, on])
}
