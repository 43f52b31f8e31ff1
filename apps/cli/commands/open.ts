import { routes } from '@belay/protocol'
import { Problem } from '@belay/base'
import { openInBrowser } from '../browser.ts'
import { leaf } from '../command.ts'
import { type Context, runs, type GlobalOptions } from '../context.ts'

type Options = GlobalOptions & { readonly print?: boolean }

export const command = () =>
  leaf('open', 'open the page in the browser', [
    ['belay open', 'the front page, signed in'],
    ['belay open deployments/d7', 'one deployment'],
    ['belay open --print', 'only print the address'],
  ])
    .argument('[path]', 'a path of the page, such as releases or deployments/d7')
    .option('--print', 'print the address instead of opening it')
    .action(runs(open))

async function open(context: Context, options: Options, path = ''): Promise<void> {
  const client = await context.connect()
  const to = `/${path.replace(/^\/+/, '')}`
  const url = await signedIn(client, to, context.signal)
  // With --json somebody reads the answer who has no use for a window.
  const opened = !options.print && !context.json && (await openInBrowser(url))
  context.answer({ url, opened }, () => (opened ? `Opened ${client.url}${to}` : url))
}

/** A one-time link for whoever asks; without the right to make one, the plain address, which asks to sign in. */
async function signedIn(client: Awaited<ReturnType<Context['connect']>>, to: string, signal: AbortSignal): Promise<string> {
  try {
    const { actor } = await client.call(routes.me, {}, signal)
    const link = new URL((await client.call(routes.users.link, { params: { name: actor } }, signal)).url)
    if (to !== '/') link.searchParams.set('to', to)
    return link.href
  } catch (error) {
    if (error instanceof Problem && (error.status === 403 || error.status === 404)) return `${client.url}${to}`
    throw error
  }
}
