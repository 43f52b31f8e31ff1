/**
 * Which call the main thread works for, slice by slice. Node tells when a callback begins and ends (`async_hooks`), V8
 * when a promise goes on; AsyncLocalStorage says for whom. The clock is read only where the call changes: work that goes
 * on for the same call, promise after promise, costs a comparison.
 *
 * What runs between the end of a callback and the next one's beginning is the microtasks behind it, when there were any,
 * then the loop itself. libuv says how long it slept meanwhile (`idleTime`); the rest belongs to whom the last of the
 * microtasks ran for.
 *
 * One for the process, since hooks are the process' own: hence the state of the module, which also is what makes it cheap.
 */
import { type AsyncHook, type AsyncLocalStorage, createHook } from 'node:async_hooks'
import { performance } from 'node:perf_hooks'
import { promiseHooks } from 'node:v8'

/** Wall time that the main thread spent on it; ms. */
export type Charged = { sliceMs: number }

let calls: AsyncLocalStorage<unknown>
let current: Charged | null = null
/** Since when nobody was charged. */
let lastMs = 0
let lastIdleMs = 0
/** Callbacks that run inside one another, and whom each interrupted. */
let depth = 0
const interrupted: (Charged | null)[] = []
/** Did promises go on since the last callback ended? */
let promisesRan = false
let callbacks = 0
let chargedMs = 0
const timing = performance.nodeTiming

function storeOf(): Charged | null {
  return (calls.getStore() as Charged | undefined) ?? null
}

function charge(ms: number): void {
  if (current === null) return
  current.sliceMs += ms
  chargedMs += ms
}

function onBefore(): void {
  callbacks++
  const nowMs = performance.now()
  if (depth > 0) charge(nowMs - lastMs)
  else {
    const idleMs = timing.idleTime
    if (promisesRan) charge(Math.max(0, nowMs - lastMs - (idleMs - lastIdleMs)))
    lastIdleMs = idleMs
    promisesRan = false
  }
  interrupted[depth++] = current
  current = storeOf()
  lastMs = nowMs
}

function onAfter(): void {
  // It began before the hooks were there.
  if (depth === 0) return
  const nowMs = performance.now()
  charge(nowMs - lastMs)
  lastMs = nowMs
  depth--
  // At the end of the outermost one its promises go on, for the same call most of the time.
  if (depth > 0) current = interrupted[depth] as Charged | null
}

function onPromise(): void {
  callbacks++
  promisesRan = true
  const call = storeOf()
  if (call === current) return
  const nowMs = performance.now()
  charge(nowMs - lastMs)
  current = call
  lastMs = nowMs
}

/**
 * A call begins inside the slice that runs now: reading and parsing the request was work for it already.
 */
export function adopt(call: Charged): void {
  if (state === 'off') return
  const nowMs = performance.now()
  // Requests that came in one packet are parsed in one slice: what was done for the one before is its own.
  if (current === null) {
    current = call
    if (depth > 0) charge(nowMs - lastMs)
  } else charge(nowMs - lastMs)
  current = call
  lastMs = nowMs
}

/** What was done for a call until now, this very slice included. */
export function settle(call: Charged): void {
  if (state === 'off' || call !== current || (depth === 0 && !promisesRan)) return
  const nowMs = performance.now()
  charge(nowMs - lastMs)
  lastMs = nowMs
}

/**
 * fast: V8 tells of promises. Only one in a process may ask it to, and `async_hooks` of others, and AsyncLocalStorage
 * before Node 24, do so too; then we ask `async_hooks` as everybody does (shared), which is about twice as dear.
 */
let state: 'off' | 'fast' | 'shared' = 'off'
/** Somebody else listens to promises in this process. */
let contested = !hasOwnContextFrames()
let resources: AsyncHook | undefined
let everything: AsyncHook | undefined
let stopPromises: (() => void) | undefined
let wanted = false

/** AsyncLocalStorage without `async_hooks`: the default since Node 24. */
function hasOwnContextFrames(): boolean {
  const major = Number(process.versions.node.split('.')[0])
  const options = `${process.execArgv.join(' ')} ${process.env.NODE_OPTIONS ?? ''}`
  return major >= 24 && !options.includes('--no-async-context-frame')
}

/** @param of the storage that says whom the running code belongs to. */
export function startSlices(of: AsyncLocalStorage<unknown>): void {
  calls = of
  wanted = true
  reset()
  if (contested) return shared()
  // Node marks promises that somebody's `async_hooks` follow, when they go on at the latest.
  const probe = Promise.resolve().then(() => {
    if (Object.getOwnPropertySymbols(probe).length > 0) contested = true
    if (!wanted || state !== 'off') return
    if (contested) shared()
    else fast()
  })
}

export function stopSlices(): void {
  wanted = false
  if (state === 'shared') {
    everything?.disable()
    state = 'off'
  } else if (state === 'fast') {
    state = 'off'
    resources?.disable()
    // To take our hook out while another's is in place would take out that one.
    ifOurs(() => {
      if (state !== 'off') return
      stopPromises?.()
      stopPromises = undefined
    })
  }
  reset()
}

/** Puts right what a lost `after` or another's hook has put wrong. To be called now and then from a timer. */
export function checkSlices(): void {
  if (state === 'off') return
  // A timer's callback is one.
  if (depth > 1) depth = 1
  if (state === 'fast') ifOurs(() => {})
}

export type SliceCounts = { readonly callbacks: number; readonly chargedMs: number }
/** Since the process began. */
export function sliceCounts(): SliceCounts {
  return { callbacks, chargedMs }
}

/** Whether calls that begin now are measured. */
export function areSlicesOn(): boolean {
  return state !== 'off'
}

function fast(): void {
  // `trackPromises` is newer than its types.
  resources ??= createHook({ before: onBefore, after: onAfter, trackPromises: false } as Parameters<typeof createHook>[0])
  resources.enable()
  stopPromises ??= promiseHooks.onBefore(onPromise) as () => void
  state = 'fast'
}

function shared(): void {
  everything ??= createHook({ before: onBefore, after: onAfter })
  everything.enable()
  state = 'shared'
}

/** Is our hook of promises the one that is called? Then `then`; otherwise we share from now on. */
function ifOurs(then: () => void): void {
  const before = callbacks
  void Promise.resolve().then(() => {
    if (callbacks !== before) return then()
    contested = true
    if (state !== 'fast') return
    resources?.disable()
    reset()
    shared()
  })
}

function reset(): void {
  current = null
  depth = 0
  promisesRan = false
  lastMs = performance.now()
  lastIdleMs = timing.idleTime
}
