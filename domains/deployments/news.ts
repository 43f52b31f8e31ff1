/** Waiting for something to happen to a deployment. */
import type { Store } from '@belay/store'

/** A signal can be missed over a broken connection; a look now and then cannot. */
const lookEveryMs = 1_000

/** Resolves at the next news of any deployment, after `lookEveryMs` at the latest, or when aborted. Ask first, then look, then wait. */
export function deploymentNews(store: Store, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stop()
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const stop = store.onSignal('deployments', done)
    const timer = setTimeout(done, lookEveryMs)
    signal.addEventListener('abort', done, { once: true })
  })
}
