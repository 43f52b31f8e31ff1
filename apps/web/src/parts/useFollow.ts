import { deploymentWire, outputWire, routes, type OutputWire } from '@belay/protocol'
import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { ask } from '../api.ts'
import { openStream } from '../stream.ts'

/** Output of a whole deployment that is kept in the page; what is older is fetched again when its step is looked at. */
const keptMax = 20_000
/** Output can come in hundreds of pieces a second; drawing ten times a second looks just as live. */
const gatherMs = 100

/**
 * Follows a deployment: its state goes into the query of the deployment, its output is the answer, oldest first.
 * `on`: whether it can still change.
 */
export function useFollow(id: string, on: boolean): readonly OutputWire[] {
  const queries = useQueryClient()
  const [output, setOutput] = useState<readonly OutputWire[]>([])
  const fresh = useRef<OutputWire[]>([])

  useEffect(() => {
    fresh.current = []
    setOutput([])
  }, [id])

  useEffect(() => {
    if (!on) return
    let gathering: ReturnType<typeof setTimeout> | undefined
    const flush = () => {
      gathering = undefined
      const pieces = fresh.current
      fresh.current = []
      setOutput((before) => [...before, ...pieces].slice(-keptMax))
    }
    const path = routes.deployments.follow.path.replace(':id', encodeURIComponent(id))
    const close = openStream({
      url: (lastId) => (lastId === undefined ? path : `${path}?after=${lastId}`),
      events: ['deployment', 'output'],
      onEvent: ({ event, data }) => {
        if (event === 'deployment') {
          const parsed = deploymentWire.safeParse(data)
          if (parsed.success) queries.setQueryData(ask(routes.deployments.show, { params: { id } }).queryKey, parsed.data)
          return
        }
        const parsed = outputWire.safeParse(data)
        if (!parsed.success) return
        fresh.current.push(parsed.data)
        gathering ??= setTimeout(flush, gatherMs)
      },
    })
    return () => {
      close()
      clearTimeout(gathering)
      if (fresh.current.length > 0) flush()
    }
  }, [id, on, queries])

  return output
}
