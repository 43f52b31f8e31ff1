import { leaf } from '../command.ts'
import { type Context, runs } from '../context.ts'
import { findPlace } from '../place.ts'
import { stopServer } from '../server-process.ts'

export const command = () =>
  leaf('stop', 'stop the detached server', [['belay stop', 'services that it started go on; belay down stops those']]).action(runs(stop))

async function stop(context: Context): Promise<void> {
  const server = await stopServer(findPlace(), context.signal)
  context.answer({ stopped: server !== undefined, pid: server?.pid ?? null }, () =>
    server === undefined
      ? 'No server runs here.'
      : `${context.paint('dim', '○')} The server at ${server.url} has stopped. Its services go on.`,
  )
}
