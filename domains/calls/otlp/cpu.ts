/**
 * CPU time of calls for services that report it only for the whole process: within each window between two readings of
 * the process's CPU time, so many calls of each method ran; what each method costs is what explains the readings best.
 * Averages alone, and marked as estimated. How far they are off, in simulations of 100 one-second windows: methods above
 * 5 % of the CPU within 7 % half of the time, those above 10 % within 10 % nine times in ten, when calls of a method cost
 * about the same; three times that when they scatter by a third. Four times the windows halve it.
 *
 * Kept in memory: a restart begins anew, and loses minutes of windows, no calls.
 */
import { nnls } from '@belay/stats'
import type { CpuPoint, Span } from './shape.ts'

export type CpuEstimate = {
  readonly service: string
  readonly environment: string
  readonly method: string
  /** µs for each call. */
  readonly cpuUs: number
  readonly windows: number
}

export type CpuBook = {
  /** A call, as it is counted. */
  call(environment: string, method: string, span: Span): void
  points(environment: string, points: readonly CpuPoint[], now: number): void
  /** Of services with new windows, and enough of them. */
  estimates(now: number): CpuEstimate[]
}

/** Fewer windows say nothing that anybody should act on. */
const windowsMin = 50
/** Five hours of one a minute. A release that is older than that should not count. */
const windowsMax = 300
/** Each method is a column; with less than two windows for each, chance decides. */
const windowsForColumn = 2
/** The methods with the most calls; the others together are one column more. */
const columnsMax = 100
/** Spans are sent some seconds after their call ended; a window is closed when they should be here. */
const settleMs = 20_000
/** Readings come once a minute unless somebody wants them more often; calls are remembered for some of those. */
const rememberSeconds = 300
const windowMsMax = 120_000
/** About 80 bytes each. When there are more, the oldest go, and the windows that would need them are left out. */
const countsMax = 200_000
const processesMax = 2_000
const others = ''

const keyOf = (environment: string, { service, process }: Span['resource']): string => `${environment}\n${service}\n${process}`

/** Calls of one second of one process, by method; a call that ran longer is in each of its seconds with a part. */
type Second = Map<string, number>
type Process = {
  readonly environment: string
  readonly service: string
  readonly seconds: Map<number, Second>
  /** Before this second, calls may be missing. */
  from: number
  /** The one metric that counts, of those that tell the same. */
  metric: string
  readonly series: Map<string, { startMs: number; atMs: number; cpuMs: number }>
  /** CPU time between two readings, by their times; the sum over user and system. */
  readonly open: Map<string, { fromMs: number; toMs: number; cpuMs: number }>
}
type Window = { readonly calls: ReadonlyMap<string, number>; readonly seconds: number; readonly cpuUs: number }

export function createCpuBook(): CpuBook {
  const processes = new Map<string, Process>()
  const windows = new Map<string, { environment: string; service: string; windows: Window[]; isNew: boolean }>()
  let counted = 0
  /** Of the call before: calls of one resource come one after the other. */
  let lastResource: Span['resource'] | undefined
  let last: Process | undefined

  function processOf(environment: string, resource: CpuPoint['resource'], nowSecond: number): Process | undefined {
    const key = keyOf(environment, resource)
    let it = processes.get(key)
    if (it === undefined) {
      if (processes.size >= processesMax) return undefined
      const fresh = { seconds: new Map(), from: nowSecond, metric: '', series: new Map(), open: new Map() }
      it = { environment, service: resource.service, ...fresh }
      processes.set(key, it)
    }
    return it
  }

  function forget(now: number): void {
    const oldest = Math.floor(now / 1_000) - rememberSeconds
    for (const [key, it] of processes) {
      for (const [second, calls] of it.seconds) {
        if (second >= oldest && counted <= countsMax) continue
        it.seconds.delete(second)
        counted -= calls.size
        it.from = Math.max(it.from, second + 1)
      }
      const lastAt = Math.max(0, ...[...it.series.values()].map(({ atMs }) => atMs))
      if (it.seconds.size === 0 && now - lastAt > rememberSeconds * 1_000) processes.delete(key)
    }
  }

  function close(it: Process, now: number): void {
    for (const [key, { fromMs, toMs, cpuMs }] of it.open) {
      if (now - toMs < settleMs) continue
      it.open.delete(key)
      if (Math.floor(fromMs / 1_000) < it.from) continue
      const calls = new Map<string, number>()
      for (const [second, counts] of it.seconds) {
        const part = (Math.min(toMs, second * 1_000 + 1_000) - Math.max(fromMs, second * 1_000)) / 1_000
        if (part > 0) for (const [method, count] of counts) calls.set(method, (calls.get(method) ?? 0) + part * count)
      }
      const name = `${it.environment}\n${it.service}`
      const service = windows.get(name) ?? { environment: it.environment, service: it.service, windows: [], isNew: true }
      windows.set(name, service)
      service.windows.push({ calls, seconds: (toMs - fromMs) / 1_000, cpuUs: cpuMs * 1_000 })
      if (service.windows.length > windowsMax) service.windows.shift()
      service.isNew = true
    }
  }

  return {
    call(environment, method, { resource, startUs, durationUs }) {
      // Most services report no CPU time; nothing is kept of their calls.
      if (processes.size === 0) return
      if (resource !== lastResource) {
        lastResource = resource
        last = processes.get(keyOf(environment, resource))
      }
      const it = last
      if (it === undefined) return
      const end = (startUs + durationUs) / 1e6
      const first = Math.max(Math.floor(startUs / 1e6), Math.floor(end) - rememberSeconds)
      const length = Math.max(durationUs / 1e6, 1e-6)
      for (let second = first; second <= Math.floor(end); second++) {
        const part = (Math.min(end, second + 1) - Math.max(startUs / 1e6, second)) / length
        let calls = it.seconds.get(second)
        if (calls === undefined) {
          calls = new Map()
          it.seconds.set(second, calls)
        }
        const known = calls.get(method)
        if (known === undefined) counted++
        calls.set(method, (known ?? 0) + (first === Math.floor(end) ? 1 : Math.max(0, part)))
      }
    },
    points(environment, points, now) {
      for (const { resource, series, isDelta, startMs, atMs, cpuMs } of points) {
        const it = processOf(environment, resource, Math.floor(now / 1_000))
        if (it === undefined || !Number.isFinite(cpuMs) || atMs > now + settleMs) continue
        const [metric = ''] = series.split('\n', 1)
        if (it.metric === '') it.metric = metric
        if (it.metric !== metric) continue
        const last = it.series.get(series)
        if (last !== undefined && atMs <= last.atMs) continue
        if (it.series.size < 10 || last !== undefined) it.series.set(series, { startMs, atMs, cpuMs })
        // A counter that began anew says nothing about the time between.
        const began = isDelta ? startMs : last?.atMs
        const used = isDelta ? cpuMs : last !== undefined && last.startMs === startMs ? cpuMs - last.cpuMs : -1
        if (began === undefined || used < 0 || atMs <= began || atMs - began > windowMsMax) continue
        const key = `${began} ${atMs}`
        const window = it.open.get(key) ?? { fromMs: began, toMs: atMs, cpuMs: 0 }
        window.cpuMs += used
        it.open.set(key, window)
      }
    },
    estimates(now) {
      for (const it of processes.values()) close(it, now)
      forget(now)
      const all: CpuEstimate[] = []
      for (const it of windows.values()) {
        if (!it.isNew) continue
        it.isNew = false
        for (const { method, cpuUs } of estimated(it.windows))
          all.push({ service: it.service, environment: it.environment, method, cpuUs, windows: it.windows.length })
      }
      return all
    },
  }
}

/** The columns of the regression: the methods with the most calls, the rest of the calls, and time that passes without any. */
export function estimated(windows: readonly Window[]): { method: string; cpuUs: number }[] {
  if (windows.length < windowsMin) return []
  const totals = new Map<string, number>()
  for (const { calls } of windows) for (const [method, count] of calls) totals.set(method, (totals.get(method) ?? 0) + count)
  const room = Math.min(columnsMax, Math.floor(windows.length / windowsForColumn) - 2)
  const methods = [...totals]
    .toSorted((a, b) => b[1] - a[1])
    .slice(0, room)
    .map(([method]) => method)
  const known = new Set(methods)
  const rest = (calls: Window['calls']) => [...calls].reduce((sum, [method, count]) => (known.has(method) ? sum : sum + count), 0)
  const rows = windows.map(({ calls, seconds }) => [...methods.map((method) => calls.get(method) ?? 0), rest(calls), seconds])
  const found = nnls(
    rows,
    windows.map(({ cpuUs }) => cpuUs),
  )
  return methods.flatMap((method, j) => (method === others ? [] : [{ method, cpuUs: found[j] as number }]))
}
