/** `redis` (node-redis 4 to 6): commands go through `sendCommand`, MULTI and pipelines through methods of their own. */
import { currentCall } from '../context.ts'
import { boundTo, driverOf, type Method, replaceMethod, UnknownShape } from './patch.ts'
import { nowUs, Timed } from './timing.ts'

const system = 'redis'

export function recordRedis(): () => void {
  // `redis` loads it, and so does whoever uses it alone.
  return driverOf('@redis/client', (exports) => {
    const { RedisClient, RedisClientPool } = exports as Record<string, { readonly prototype?: object } | undefined>
    const prototype = RedisClient?.prototype
    if (prototype === undefined) throw new UnknownShape('there is no RedisClient')
    replaceMethod(prototype, 'sendCommand', sentInCall)
    replaceMethod(prototype, '_executeMulti', batchInCall(true))
    replaceMethod(prototype, '_executePipeline', batchInCall(false))
    // Since 5. Its tasks wait for a client, and would run in the call that gave one back.
    if (RedisClientPool !== undefined) replaceMethod(RedisClientPool.prototype, 'execute', taskInCall)
  })
}

const taskInCall = (original: Method): Method =>
  function (task: unknown) {
    const call = currentCall()
    return call === undefined || typeof task !== 'function'
      ? original.apply(this, arguments as unknown as unknown[])
      : original.call(this, boundTo(call, task as Method))
  }

const sentInCall = (original: Method): Method =>
  function (args: unknown) {
    const call = currentCall()
    if (call === undefined || !Array.isArray(args)) return original.apply(this, arguments as unknown as unknown[])
    const timed = new Timed(call, system, wordsOf(args), undefined)
    return timed.until(original.apply(this, arguments as unknown as unknown[]) as Promise<unknown>, noRows)
  }

/** One way there and back: its time is that of the whole, shared equally among its commands. */
const batchInCall =
  (isTransaction: boolean) =>
  (original: Method): Method =>
    function (commands: readonly { readonly args?: unknown }[]) {
      const call = currentCall()
      if (call === undefined || !Array.isArray(commands)) return original.apply(this, arguments as unknown as unknown[])
      const startedUs = nowUs()
      const connection = {}
      const tell = (failed: boolean) => {
        const tookUs = (nowUs() - startedUs) / Math.max(1, commands.length)
        const word = (text: string, atUs: number) => call.statement({ system, text, startedUs: atUs, tookUs: 0, failed, connection })
        if (isTransaction) word('MULTI', startedUs)
        commands.forEach(({ args }: { readonly args?: unknown }, nth: number) => {
          const text = Array.isArray(args) ? wordsOf(args) : ''
          call.statement({ system, text, startedUs: startedUs + nth * tookUs, tookUs, failed, connection })
        })
        if (isTransaction) word('EXEC', nowUs())
      }
      return (original.apply(this, arguments as unknown as unknown[]) as Promise<unknown>).then(
        (answer) => {
          tell(false)
          return answer
        },
        (thrown: unknown) => {
          tell(true)
          throw thrown
        },
      )
    }

const noRows = (): undefined => undefined

/**
 * `GET user:?`: the command, and of its key what comes before the first colon, where that is a word. All the rest are
 * parameters.
 */
function wordsOf(args: readonly unknown[]): string {
  const [name, key] = args
  const command = String(name).toUpperCase().slice(0, 40)
  if (args.length === 1) return command
  const [, prefix] = typeof key === 'string' ? (/^([a-z][a-z_-]{0,31}):/i.exec(key) ?? []) : []
  return `${command} ${prefix === undefined ? '?' : `${prefix}:?`}${args.length > 2 ? ' ?' : ''}`
}
