/** Sends a file while a person sees how far it is. */
import { TransformStream } from 'node:stream/web'
import { sayBytes } from '@belay/base'
import type { Context } from './context.ts'
import type { Upload } from './input.ts'

/** What takes no time worth watching is sent without a word. */
const silentBytes = 1_000_000

/** Calls `send` with the bytes; in a terminal a line tells how many are gone. */
export async function sending<Answer>(
  context: Context,
  what: string,
  upload: Upload,
  send: (body: BodyInit) => Promise<Answer>,
): Promise<Answer> {
  const { bytes, stream } = upload
  if (!context.look.terminal || (bytes !== undefined && bytes < silentBytes)) return send(stream() as unknown as BodyInit)
  const { Listr } = await import('listr2')
  let answer: Answer | undefined
  const tasks = new Listr(
    [
      {
        title: what,
        task: async (_, task) => {
          let sent = 0
          const watched = stream().pipeThrough(
            new TransformStream<Uint8Array, Uint8Array>({
              transform(chunk, controller) {
                sent += chunk.byteLength
                task.title = `${what}: ${sayBytes(sent)}${bytes === undefined ? '' : ` of ${sayBytes(bytes)}`}`
                controller.enqueue(chunk)
              },
            }),
          )
          answer = await send(watched as unknown as BodyInit)
          task.title = `${what}: ${sayBytes(sent)}`
        },
      },
    ],
    { registerSignalListeners: false, rendererOptions: { showErrorMessage: false } },
  )
  await tasks.run()
  return answer as Answer
}
