/** A thread of `analyseFiles`: it is given shares of captures, one after the other, and tells what it finds. Not for import. */
import { parentPort, workerData } from 'node:worker_threads'
import type { News, Order, Start } from './files/messages.ts'
import { analyseShare } from './files/share.ts'

const { credit } = workerData as Start

/** Sessions come out in the middle of a packet's work, so this thread waits as a whole until the other one has caught up. */
function tell(news: News): void {
  while (Atomics.load(credit, 0) <= 0) Atomics.wait(credit, 0, 0)
  Atomics.sub(credit, 0, 1)
  parentPort?.postMessage(news)
}

parentPort?.on('message', (order: Order) => void analyseShare(order, tell))
