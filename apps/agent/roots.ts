/** All roots that this agent looks after, remembered in `roots.json`, so the next agent takes them up unasked. */
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { writeWhole } from '@belay/base/node'
import type { ParsedOrder } from '@belay/exec'
import { asProblem } from './problems.ts'
import { Root } from './root.ts'
import { turns } from './turns.ts'

export class Roots {
  readonly #file: string
  readonly #open = new Map<string, Promise<Root>>()
  readonly #erasing = new Map<string, Promise<void>>()
  readonly #saveTurn = turns()

  constructor(home: string) {
    this.#file = join(home, 'roots.json')
  }

  /** Every root that an earlier agent looked after and that is still there. One that can't be opened is told of, not fatal. */
  async resume(): Promise<void> {
    const paths = existsSync(this.#file) ? (JSON.parse(readFileSync(this.#file, 'utf8')) as string[]) : []
    await Promise.all(
      paths
        .filter((path) => existsSync(path))
        .map((path) => this.at(path).catch((error) => console.error(`${path} was not taken up:`, error))),
    )
  }

  /** The root at that path, begun when there is none. */
  async at(given: string): Promise<Root> {
    const path = resolve(given)
    await this.#erasing.get(path)
    let root = this.#open.get(path)
    if (root === undefined) {
      root = Root.open(path)
      this.#open.set(path, root)
      try {
        await root
        await this.#save()
      } catch (error) {
        this.#open.delete(path)
        throw asProblem(error, { order: 'open', root: path })
      }
    }
    return root
  }

  /** Undefined when nothing was ever ordered there: reading begins nothing. */
  async ifThere(given: string): Promise<Root | undefined> {
    return existsSync(join(resolve(given), 'journal.ndjson')) ? this.at(given) : undefined
  }

  async erase(order: ParsedOrder<'erase'>): Promise<void> {
    const path = resolve(order.root)
    const already = this.#erasing.get(path)
    if (already !== undefined) return already
    if (!existsSync(path)) return
    const root = await this.at(path)
    const erased = root.erase(order)
    this.#erasing.set(path, erased)
    try {
      await erased
      this.#open.delete(path)
      await this.#save()
    } catch (error) {
      throw asProblem(error, { order: 'erase', root: path })
    } finally {
      this.#erasing.delete(path)
    }
  }

  /** About once a second: logs within their bound, roots that were deleted let go. */
  async tick(): Promise<void> {
    for (const [path, opening] of this.#open) {
      const root = await opening.catch(() => undefined)
      if (root === undefined || this.#erasing.has(path)) continue
      root.services.rotate()
      if (!(await root.abandonWhenGone())) continue
      this.#open.delete(path)
      await this.#save()
    }
  }

  async busy(): Promise<boolean> {
    const roots = await Promise.all([...this.#open.values()].map((root) => root.catch(() => undefined)))
    return this.#erasing.size > 0 || roots.some((root) => root?.busy)
  }

  #save(): Promise<void> {
    return this.#saveTurn(() => writeWhole(this.#file, JSON.stringify([...this.#open.keys()].sort()), 0o600))
  }
}
