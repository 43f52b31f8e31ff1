import { logLineWire, routes } from '@belay/protocol'
import { useEffect, useState } from 'react'
import { openStream } from '../stream.ts'
import type { Line } from './lines/lines.ts'
import { plainLine } from './lines/lines.ts'

/** What a viewer scrolls back through; `belay logs` reaches further. */
const linesMax = 5_000
const linesFirst = 300
const gatherMs = 150

/** New lines of an environment's services as they are written, with some from before. */
export function useLogs(
  environment: string,
  service: string | undefined,
  host: string | undefined,
  on: boolean,
): { lines: readonly Line[]; open: boolean } {
  const [lines, setLines] = useState<readonly Line[]>([])
  const [open, setOpen] = useState(false)
  useEffect(() => {
    if (!on) return
    let key = 0
    let fresh: Line[] = []
    let anew = true
    let gathering: ReturnType<typeof setTimeout> | undefined
    const flush = () => {
      gathering = undefined
      const [batch, restart] = [fresh, anew]
      fresh = []
      anew = false
      setLines((before) => (restart ? batch : [...before, ...batch]).slice(-linesMax))
    }
    const query = new URLSearchParams({
      lines: String(linesFirst),
      ...(service === undefined ? {} : { service }),
      ...(host === undefined ? {} : { host }),
    })
    const close = openStream({
      url: () => `${routes.environments.logsFollow.path.replace(':name', encodeURIComponent(environment))}?${query}`,
      events: ['message', 'line', 'log'],
      // Each connection begins with the last lines again, so what was shown gives way to them.
      onOpen: () => {
        anew = true
        fresh = []
        gathering ??= setTimeout(flush, gatherMs)
        setOpen(true)
      },
      onLost: () => setOpen(false),
      onEvent: ({ data }) => {
        const parsed = logLineWire.safeParse(data)
        if (!parsed.success) return
        fresh.push({ key: key++, at: null, from: `${parsed.data.service}@${parsed.data.host}`, text: plainLine(parsed.data.text) })
        gathering ??= setTimeout(flush, gatherMs)
      },
    })
    return () => {
      close()
      clearTimeout(gathering)
      setOpen(false)
    }
  }, [environment, service, host, on])
  return { lines, open }
}
