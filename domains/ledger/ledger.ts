import { setImmediate } from 'node:timers/promises'
import { type Clock, invariant } from '@belay/base'
import { sha256 } from '@belay/base/node'
import { pageMax } from '@belay/protocol'
import { type Db, fromFlag, fromJson, type Store, toFlag, toJson } from '@belay/store'
import {
  asStored,
  beginning,
  dataMaxBytes,
  type Fact,
  type Head,
  hashedText,
  type NewFact,
  type StoredFact,
  timeOf,
  whyBroken,
} from './model.ts'
import { type FactQuery, putFact, readFacts, readHead, type StoredHead } from './store.ts'

export type Verdict = {
  readonly whole: boolean
  /** Facts that were read and hold. */
  readonly count: number
  /** The first link that does not hold. */
  readonly broken: { readonly seq: number; readonly because: string } | null
  /** Hash of the last fact that holds. */
  readonly head: string
}

export type Ledger = {
  /** Adds a fact inside the transaction of the change that it tells: both are kept or neither. */
  append(tx: Db, fact: NewFact): Promise<Fact>
  /** Adds a fact that tells no change of state, in a transaction of its own. */
  record(fact: NewFact): Promise<Fact>
  /** One page, newest first unless asked otherwise; 100 facts unless asked otherwise, at most 500. */
  list(query: FactQuery): Promise<{ facts: Fact[]; more: boolean }>
  /** All facts after `after`, then each as it happens, without gap or repeat, until `signal` aborts. */
  follow(options: { after: number; signal: AbortSignal }): AsyncIterable<Fact>
  head(): Promise<{ seq: number; hash: string }>
  /** Recomputes the chain from its beginning, a page at a time. */
  verify(options?: { signal?: AbortSignal }): Promise<Verdict>
}

const channel = 'ledger'
/** A page of 500 facts is about 250 KB: little memory, and few round trips for a long ledger. */
const readPage = 500

export function openLedger({ store, clock }: { store: Store; clock: Clock }): Ledger {
  async function append(tx: Db, fact: NewFact): Promise<Fact> {
    const head = await headOf(tx)
    const time = timeOf(clock.now(), head, fromFlag(head.behind))
    const flag = toFlag(time.isBehind)
    if (!time.tell) return await link(tx, fact, time.at, head, flag)
    return await link(tx, fact, time.at, await link(tx, time.tell, time.at, head, flag), flag)
  }

  async function link(tx: Db, fact: NewFact, at: number, before: Head, behind: 0 | 1): Promise<Fact> {
    const stored = asStored(fact)
    const unhashed = { ...stored, seq: before.seq + 1, at, previous: before.hash }
    const whole: Fact = { ...unhashed, hash: sha256(hashedText(unhashed)) }
    const data = toJson(stored.data)
    invariant(data.length <= dataMaxBytes, `the data of a fact (${fact.kind}) is at most ${dataMaxBytes} characters of JSON`)
    await putFact(tx, { ...whole, data }, before, behind)
    store.signal(channel)
    return whole
  }

  return {
    append,
    record: (fact) => store.write((tx) => append(tx, fact)),
    async list(query) {
      const limit = Math.min(query.limit ?? 100, pageMax)
      const rows = await readFacts(store.read, query, limit + 1)
      return { facts: rows.slice(0, limit).map(factOf), more: rows.length > limit }
    },
    follow: ({ after, signal }) => follow(store, after, signal),
    async head() {
      const { seq, hash } = await headOf(store.read)
      return { seq, hash }
    },
    verify: (options) => verify(store.read, options?.signal),
  }
}

/** Facts are committed in the order of their numbers (writes are serial), so reading on from the last one misses none. */
async function* follow(store: Store, after: number, signal: AbortSignal): AsyncGenerator<Fact> {
  let isNews = true
  let wake = () => {}
  const onNews = () => {
    isNews = true
    wake()
  }
  const stopListening = store.onSignal(channel, onNews)
  signal.addEventListener('abort', onNews)
  try {
    // A number from the future belongs to another ledger (a restored backup, a new folder): tell this one from its start.
    let last = after > (await headOf(store.read)).seq ? 0 : after
    while (!signal.aborted) {
      isNews = false
      const rows = await readFacts(store.read, { after: last, order: 'oldest' }, readPage)
      for (const row of rows) {
        if (signal.aborted) return
        yield factOf(row)
        last = row.seq
      }
      if (rows.length < readPage && !isNews && !signal.aborted) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    }
  } finally {
    stopListening()
    signal.removeEventListener('abort', onNews)
  }
}

async function verify(db: Db, signal: AbortSignal | undefined): Promise<Verdict> {
  let last: Head = { seq: 0, at: 0, hash: beginning }
  const broken = (link: { seq: number; because: string }): Verdict => ({ whole: false, count: last.seq, broken: link, head: last.hash })
  while (true) {
    signal?.throwIfAborted()
    // Asked before the page: facts that are appended meanwhile can only make the page longer than the head says.
    const head = await readHead(db)
    const rows = await readFacts(db, { after: last.seq, order: 'oldest' }, readPage)
    for (const row of rows) {
      const link = whyBroken(row, last, sha256)
      if (link) return broken(link)
      last = { seq: row.seq, at: row.at, hash: row.hash }
    }
    if (rows.length === 0) {
      if (!head)
        return broken({ seq: last.seq + 1, because: 'the head of the ledger is missing, so nobody can say whether more facts followed' })
      if (head.seq > last.seq)
        return broken({ seq: last.seq + 1, because: `fact ${last.seq + 1} is missing; the ledger ends at fact ${head.seq}` })
      if (head.seq < last.seq) return broken({ seq: head.seq + 1, because: `the ledger ends at fact ${head.seq}, yet more facts follow` })
      if (head.hash !== last.hash)
        return broken({ seq: last.seq, because: 'its content was changed after it was written: the head of the ledger has another hash' })
      return { whole: true, count: last.seq, broken: null, head: last.hash }
    }
    // The server has other things to do; a page takes about 5 ms.
    await setImmediate()
  }
}

async function headOf(db: Db): Promise<StoredHead> {
  const head = await readHead(db)
  invariant(head, 'the ledger has a head (belay ledger verify says more)')
  return head
}

const factOf = (row: StoredFact): Fact => ({ ...row, data: fromJson(row.data) })
