/**
 * A root is the folder that is one host: what was ordered in it, its services, its jobs, and the highest lease that
 * it has obeyed.
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '@belay/base'
import type { OrderName } from '@belay/exec'
import { Jobs } from './jobs.ts'
import { Journal } from './journal.ts'
import { placeText, temporaryFolder } from './place.ts'
import { agentProblem, asProblem } from './problems.ts'
import { Services } from './services.ts'
import { turns } from './turns.ts'

type Fenced = { readonly order: OrderName; readonly key: string; readonly fence: number }

/** `tentative`: taken up from an earlier agent without the order; its result is undefined when it never began. */
type UnderWay = { readonly order: string; readonly result: Promise<unknown>; readonly tentative: boolean }

export class Root {
  readonly path: string
  readonly journal: Journal
  readonly services: Services
  readonly jobs: Jobs
  #fence: number
  readonly #fenceTurn = turns()
  readonly #underWay = new Map<string, UnderWay>()

  private constructor(path: string, journal: Journal, fence: number) {
    this.path = path
    this.journal = journal
    this.services = new Services(path)
    this.jobs = new Jobs(path)
    this.#fence = fence
  }

  /** Opens or begins it: takes up services and jobs that an earlier agent left, and sweeps what it left half-written. */
  static async open(path: string): Promise<Root> {
    try {
      mkdirSync(path, { recursive: true })
      rmSync(join(path, temporaryFolder), { recursive: true, force: true })
      const root = new Root(path, await Journal.open(join(path, 'journal.ndjson')), readFence(path))
      root.services.resume()
      root.#takeUpJobs()
      return root
    } catch (error) {
      throw asProblem(error, { order: 'open', root: path })
    }
  }

  get fence(): number {
    return this.#fence
  }

  get busy(): boolean {
    return this.#underWay.size > 0 || this.services.busy
  }

  /**
   * Carries an order out once: refused when its lease is over, answered from the journal when it was carried out
   * before, joined when it is under way. `act` gets what `note` gave when the order was first begun.
   */
  async once<T, N = undefined>(order: Fenced, act: (note: N) => Promise<T>, note?: () => Promise<N>): Promise<T> {
    await this.#obey(order.fence)
    const underWay = this.#underWay.get(order.key)
    const known = this.journal.entry(order.key)
    const before = underWay?.order ?? known?.order
    if (before !== undefined && before !== order.order) {
      throw agentProblem('bad-order', { why: `the key ${order.key} already names an order ${before}, this one is ${order.order}` })
    }
    if (underWay !== undefined) {
      const result = await underWay.result
      return result === undefined && underWay.tentative ? this.once(order, act, note) : (result as T)
    }
    if (known?.doneAt !== undefined && known.failed === undefined) return known.result as T
    const result = this.#carryOut(order, act, known?.doneAt === undefined ? (known?.note as N | undefined) : undefined, note)
    return this.#track({ ...order, tentative: false }, result)
  }

  /** False when that job is not under way. One that was ordered but has not begun yet is waited for, so none slips through. */
  async cancelJob(key: string): Promise<boolean> {
    while (this.#underWay.get(key)?.order === 'job') {
      if (await this.jobs.cancel(key)) return true
      await systemClock.sleep(5)
    }
    return false
  }

  /** Stops everything and deletes the folder. */
  async erase({ fence, key, order }: Fenced): Promise<void> {
    await this.#obey(fence)
    await this.journal.intent({ key, order, fence }).catch(() => {
      // A full disk must not keep a host from being deleted.
    })
    await Promise.all([this.services.haltAll(), this.#cancelJobs()])
    await Promise.allSettled([...this.#underWay.values()].map((it) => it.result))
    await this.close()
    await rm(this.path, { recursive: true, force: true, maxRetries: 5 })
  }

  /** The folder was deleted under it: what ran there has no business any more. */
  async abandonWhenGone(): Promise<boolean> {
    if (existsSync(this.path) && this.services.standing) return false
    await Promise.all([this.services.haltAll(), this.#cancelJobs()])
    await this.close()
    return true
  }

  close(): Promise<void> {
    return this.journal.close()
  }

  async #carryOut<T, N>(order: Fenced, act: (note: N) => Promise<T>, noted: N | undefined, note?: () => Promise<N>): Promise<T> {
    const { key } = order
    let began = false
    try {
      const mine = noted ?? (await note?.())
      if (noted === undefined) {
        await this.journal.intent({ key, order: order.order, fence: order.fence, ...(mine === undefined ? {} : { note: mine }) })
      }
      began = true
      const result = await act(mine as N)
      // Should this fail (a full disk), the intent stays open and whoever asks again finds the work done.
      began = false
      await this.journal.done(key, result)
      return result
    } catch (error) {
      const problem = asProblem(error, { order: order.order, root: this.path })
      if (began) await this.journal.failed(key, { code: problem.code, message: problem.message }).catch(() => {})
      throw problem
    }
  }

  #track<T>({ key, order, tentative }: { key: string; order: string; tentative: boolean }, result: Promise<T>): Promise<T> {
    this.#underWay.set(key, { order, result, tentative })
    const forget = () => void this.#underWay.delete(key)
    result.then(forget, forget)
    return result
  }

  /** Jobs that an earlier agent began: their time limit goes on, and their end is recorded, whether or not anybody asks. */
  #takeUpJobs(): void {
    for (const { key, order, doneAt } of this.journal.entries()) {
      if (order !== 'job' || doneAt !== undefined) continue
      const result = (async () => {
        const end = await this.jobs.toItsEnd(key)
        if (end === undefined) return undefined
        await this.journal.done(key, end)
        return end
      })()
      // Should the end not be recordable (a full disk), it is learnt again by whoever asks.
      this.#track({ key, order, tentative: true }, result).catch(() => {})
    }
  }

  async #cancelJobs(): Promise<void> {
    await Promise.all([...this.#underWay.keys()].map((key) => this.cancelJob(key)))
  }

  #obey(given: number): Promise<void> {
    return this.#fenceTurn(async () => {
      if (given < this.#fence) throw agentProblem('stale-fence', { root: this.path, given, seen: this.#fence })
      if (given === this.#fence) return
      try {
        await placeText(this.path, join(this.path, 'fence'), `${given}\n`, 0o600)
      } catch (error) {
        throw asProblem(error, { order: 'fence', root: this.path })
      }
      this.#fence = given
    })
  }
}

function readFence(path: string): number {
  const file = join(path, 'fence')
  if (!existsSync(file)) return 0
  const fence = Number(readFileSync(file, 'utf8').trim())
  if (!Number.isInteger(fence)) throw new Error(`${file} holds no number`)
  return fence
}
