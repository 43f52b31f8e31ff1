import { columnsProblem } from './problems.ts'

/**
 * A way with a few slots and a bounded waiting line before them. A slot is a number, because the embedded engine has a
 * connection for each. It is free again when the work has truly ended, not when its asker gave up.
 */
export type Lane = {
  run<T>(work: (slot: number) => Promise<T>, wait: { readonly timeoutMs: number; readonly signal?: AbortSignal }): Promise<T>
}

type Waiter = { readonly enter: (slot: number) => void }

export function openLane({ slots, waitingMax }: { readonly slots: readonly number[]; readonly waitingMax: number }): Lane {
  const free = [...slots]
  const waiting = new Set<Waiter>()

  function leave(slot: number): void {
    const [next] = waiting
    if (next === undefined) free.push(slot)
    else next.enter(slot)
  }

  function enter(timeoutMs: number, signal: AbortSignal | undefined): Promise<number> {
    const slot = free.pop()
    if (slot !== undefined) return Promise.resolve(slot)
    if (waiting.size >= waitingMax) return Promise.reject(columnsProblem('columns-too-much', { waiting: waiting.size }))
    return new Promise((resolve, reject) => {
      const settle = (end: () => void) => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', stop)
        waiting.delete(waiter)
        end()
      }
      const stop = () => settle(() => reject(signal?.reason))
      const waiter: Waiter = { enter: (it) => settle(() => resolve(it)) }
      const timer = setTimeout(() => settle(() => reject(columnsProblem('columns-too-much', { waiting: waiting.size + 1 }))), timeoutMs)
      signal?.addEventListener('abort', stop, { once: true })
      waiting.add(waiter)
    })
  }

  return {
    async run(work, { timeoutMs, signal }) {
      signal?.throwIfAborted()
      const slot = await enter(timeoutMs, signal)
      try {
        return await work(slot)
      } finally {
        leave(slot)
      }
    },
  }
}
