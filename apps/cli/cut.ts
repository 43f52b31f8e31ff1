/** Cuts a release while its progress is shown. */
import { cutProgressWire, problemWire, type ReleaseWire, releaseWire, routes } from '@belay/protocol'
import { Problem } from '@belay/base'
import type { Context } from './context.ts'
import { fail } from './problems.ts'
import { sayClock } from './terminal.ts'

export async function cutRelease(
  context: Context,
  body: { ref?: string | undefined; name?: string | undefined; rebuild?: boolean },
): Promise<{ release: ReleaseWire; existed: boolean }> {
  const client = await context.connect()
  for await (const { event, data } of client.events(routes.releases.cut, { body }, { signal: context.signal })) {
    const it = data as { release?: unknown; existed?: unknown }
    if (event === 'done') return { release: releaseWire.parse(it.release), existed: it.existed === true }
    if (event === 'failed') {
      const { error } = problemWire.parse(data)
      throw new Problem(error.code, 422, error.message, error.facts)
    }
    if (event === 'progress') {
      const progress = cutProgressWire.parse(data)
      const service = progress.service === null ? '' : `${context.paint('bold', progress.service)}  `
      for (const line of progress.text.trimEnd().split('\n'))
        context.tell(`${context.paint('dim', sayClock(progress.at))}  ${service}${line}`)
    }
  }
  throw fail('stream-ended', { what: 'the cut' })
}
