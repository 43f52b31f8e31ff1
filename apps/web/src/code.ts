/**
 * The page's code in parts: what the first view needs comes first, the rest as soon as the browser is idle, so that a
 * tab that has been open for a moment goes on working while the server is away or has been replaced by a newer one.
 */
const retryMs = 2_000
const reloadedKey = 'belay-reloaded-at'
/** A second reload within this time would not help either. */
const reloadPauseMs = 30_000

async function serverAnswers(): Promise<boolean> {
  try {
    return (await fetch('/', { cache: 'no-store' })).ok
  } catch {
    return false
  }
}

/**
 * Loads a part. While the server is away it waits for it; when the server is there but the part is not, a newer page
 * has taken its place, and the tab is loaded anew, once.
 * @throws Error when that did not help.
 */
async function patiently<T>(load: () => Promise<T>): Promise<T> {
  while (true) {
    try {
      return await load()
    } catch (error) {
      if (await serverAnswers()) {
        const before = Number(sessionStorage.getItem(reloadedKey) ?? 0)
        if (Date.now() - before < reloadPauseMs)
          throw new Error('A part of this page could not be loaded. Reload the page.', { cause: error })
        sessionStorage.setItem(reloadedKey, String(Date.now()))
        window.location.reload()
      }
      await new Promise((resolve) => setTimeout(resolve, retryMs))
    }
  }
}

const part =
  <T>(load: () => Promise<T>) =>
  () =>
    patiently(load)

export const parts = {
  now: part(() => import('./pages/Now.tsx')),
  releases: part(() => import('./pages/Releases.tsx')),
  release: part(() => import('./pages/Release.tsx')),
  diff: part(() => import('./pages/Diff.tsx')),
  deployments: part(() => import('./pages/Deployments.tsx')),
  deployment: part(() => import('./pages/Deployment.tsx')),
  environments: part(() => import('./pages/Environments.tsx')),
  environment: part(() => import('./pages/Environment.tsx')),
  rehearsal: part(() => import('./pages/Rehearsal.tsx')),
  flags: part(() => import('./pages/Flags.tsx')),
  flag: part(() => import('./pages/Flag.tsx')),
  rings: part(() => import('./pages/Rings.tsx')),
  segments: part(() => import('./pages/Segments.tsx')),
  segment: part(() => import('./pages/Segment.tsx')),
  clientKeys: part(() => import('./pages/ClientKeys.tsx')),
  calls: part(() => import('./pages/Calls.tsx')),
  callMethod: part(() => import('./pages/CallMethod.tsx')),
  callChanges: part(() => import('./pages/CallChanges.tsx')),
  callFlags: part(() => import('./pages/CallFlags.tsx')),
  plot: part(() => import('./parts/calls/method/Plot.tsx')),
  network: part(() => import('./pages/Network.tsx')),
  networkSession: part(() => import('./pages/NetworkSession.tsx')),
  networkCompare: part(() => import('./pages/NetworkCompare.tsx')),
  networkCalls: part(() => import('./pages/NetworkCalls.tsx')),
  graphs: part(() => import('./parts/network/graph/SessionGraphs.tsx')),
  seriesGraphs: part(() => import('./parts/network/graph/SeriesGraphs.tsx')),
  ledger: part(() => import('./pages/Ledger.tsx')),
  access: part(() => import('./pages/Access.tsx')),
  palette: part(() => import('./parts/Palette.tsx')),
  help: part(() => import('./parts/Help.tsx')),
} as const

/** The first view's requests are over by then, on any connection on which waiting is felt. */
const idleAfterMs = 1_500

/** Fetches every part, one after the other, when nothing else is going on. */
export function loadTheRest(): void {
  setTimeout(async () => {
    for (const load of Object.values(parts)) await load().catch(() => {})
  }, idleAfterMs)
}
