/** Which order does what: one table from the name of an order to its work. */
import { cpus, hostname, platform, totalmem } from 'node:os'
import { systemClock } from '@belay/base'
import type { OrderName, ParsedOrder, Results } from '@belay/exec'
import { link, linkTarget, put, remove, unpack, write } from './files.ts'
import { probe } from './probe.ts'
import { freeBytes } from './problems.ts'
import type { Roots } from './roots.ts'
import type { Talk } from './serve.ts'

const rootPollMs = 200

type Table = { readonly [N in OrderName]: (order: ParsedOrder<N>, talk: Talk) => Promise<Results[N]> }

export function orderTable(it: { roots: Roots; hello: Results['hello']; retire: () => void }): Table {
  const { roots } = it
  return {
    hello: async () => it.hello,
    retire: async () => {
      it.retire()
      return {}
    },
    facts: async ({ root }) => ({
      hostname: hostname(),
      platform: platform(),
      cpus: cpus().length,
      memoryBytes: totalmem(),
      diskFreeBytes: freeBytes(root),
      fence: (await roots.ifThere(root))?.fence ?? 0,
    }),
    journal: async ({ root, prefix }) => {
      const entries = (await roots.ifThere(root))?.journal.entries(prefix) ?? []
      return { entries: entries.map(({ note: _, ...entry }) => entry) }
    },
    services: async ({ root }) => ({ services: (await roots.ifThere(root))?.services.statuses() ?? [] }),
    probe: ({ probe: spec }) => probe(spec),
    logs: async ({ root, service, lines, follow }, talk) => {
      let there = await roots.ifThere(root)
      // Where nothing has run yet there is nothing to read, and everything to wait for.
      while (there === undefined && follow && !talk.signal.aborted) {
        await systemClock.sleep(rootPollMs, talk.signal).catch(() => {})
        there = await roots.ifThere(root)
      }
      await there?.services.named(service).log.read({ lines, follow }, (text) => talk.event({ text }), talk.signal)
      return {}
    },
    put: async (order) => (await roots.at(order.root)).once(order, () => put(order)),
    unpack: async (order) => (await roots.at(order.root)).once(order, () => unpack(order)),
    write: async (order) => (await roots.at(order.root)).once(order, () => write(order)),
    link: async (order) => {
      const root = await roots.at(order.root)
      // Noted with the intent: after an interruption the link may already point to the new target.
      return root.once(
        order,
        async (note: { before: string | null }) => {
          await link(order)
          return note
        },
        async () => ({ before: await linkTarget(order.root, order.link) }),
      )
    },
    remove: async (order) => (await roots.at(order.root)).once(order, () => remove(order)),
    job: async (order, talk) => {
      const root = await roots.at(order.root)
      const end = root.once(order, async () => {
        const reached = await root.jobs.toItsEnd(order.key, order)
        if (reached === undefined) throw new Error('it was not let go')
        return reached
      })
      await root.jobs.follow(order.key, order.fromOffset, talk.event, end, talk.signal)
      return end
    },
    cancel: async (order) => {
      const root = await roots.at(order.root)
      return root.once(order, async () => ({ cancelled: await root.cancelJob(order.job) }))
    },
    ensure: async (order) => {
      const root = await roots.at(order.root)
      return root.once(order, () => root.services.named(order.service).ensure(order))
    },
    halt: async (order) => {
      const root = await roots.at(order.root)
      return root.once(order, async () => (await root.services.known(order.service)?.halt()) ?? { stopped: false })
    },
    erase: async (order) => {
      await roots.erase(order)
      return {}
    },
  }
}
