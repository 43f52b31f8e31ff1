/**
 * Jobs: commands that run to their end and outlive this program. A small shell script leads the command's process
 * group, keeps its output within its bound and writes down how it ended; whoever is the agent by then reads that.
 *
 *   jobs/<hash of the key>/job.json   who it is, since when, and whether somebody is ending it
 *   jobs/<hash of the key>/exit       7 characters, there from the start so that a full disk can't lose the answer
 *   jobs/<hash of the key>/output     what it printed, both streams
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '@belay/base'
import { sha256, sha256OfFile } from '@belay/base/node'
import type { Events, JobEnd, ParsedOrder } from '@belay/exec'
import { placeText, workFolder } from './place.ts'
import { ageMs, endGroup, ground, groupLives, type Identity, identify, ofChild, ofStranger, type Running } from './processes.ts'

/** From SIGTERM to SIGKILL when a job's time is over: enough to close a database connection. */
const stopMs = 5_000
/** What a job left in the background may hold its output open for ever; the job itself has ended. */
const drainMs = 1_000
/** The state of an adopted job, and new output for those who watch, is looked for twenty times a second. */
const pollMs = 50
/** How much of the end of an output that is too long is still shown: the reason of a failure stands there. */
const tailBytesMax = 8 * 1024
/** Kept for those who ask again; the server has taken the output over while it came. At most a MiB each by default. */
const jobsMax = 200
const pieceBytesMax = 64 * 1024
const exitLength = 7

/**
 * $1 folder, $2 blocks of 512 bytes that `cat` may write, $3 bytes of the end that are shown after those, $4 the
 * command. It waits for a line before it begins: by then job.json is on the disk, so no job runs that nobody knows.
 * The limit on file size binds `cat` alone; when `cat` meets it, `tail` keeps the end of the rest. SIGTERM is for the
 * command: the script must live to write down what came of it, and the reader to take its last words.
 */
const script = `
given=$PATH; PATH=$PATH:/usr/bin:/bin
read -r go || { printf 'unbegun' 1<>"$1/exit"; exit 75; }
exec </dev/null
trap : TERM INT HUP
{ trap : TERM INT HUP
  PATH=$given /bin/sh -c "$4"
  printf '%-7s' "$?" 1<>"$1/exit"
} 2>&1 | { trap '' TERM INT HUP
  (ulimit -f "$2"; exec cat) 2>/dev/null >>"$1/output" || {
    printf '\\n[the output is cut here: more than its bound was printed; its last lines follow]\\n'
    tail -c "$3"
  } >>"$1/output"
} 2>/dev/null`

/** Why somebody is ending it. */
type Ending = 'timed-out' | 'cancelled'
type Known = {
  readonly identity: Identity
  readonly startedAt: number
  readonly timeLimitMs: number
  readonly ending?: Ending
}

export class Jobs {
  readonly #root: string
  readonly #folder: string
  readonly #underWay = new Map<string, { known: Known; ending?: Promise<void> }>()

  constructor(root: string) {
    this.#root = root
    this.#folder = join(root, 'jobs')
  }

  /**
   * Runs it, or takes up what an earlier agent began, to its end. Without the order (an agent that starts takes up all
   * that is under way) undefined when it turns out never to have begun.
   */
  async toItsEnd(key: string, order?: ParsedOrder<'job'>): Promise<JobEnd | undefined> {
    const folder = this.#folderOf(key)
    if (existsSync(join(folder, 'job.json')) && exitOf(folder) !== 'unbegun') {
      const known = JSON.parse(readFileSync(join(folder, 'job.json'), 'utf8')) as Known
      const end = await this.#watch(key, folder, known, ofStranger(known.identity))
      if (end !== undefined) return end
    }
    if (order === undefined) return undefined
    const { known, running } = await this.#begin(folder, order)
    return this.#watch(key, folder, known, running)
  }

  /** SIGTERM now, SIGKILL 5 s later. False when it does not run. */
  async cancel(key: string): Promise<boolean> {
    const job = this.#underWay.get(key)
    if (job === undefined) return false
    await this.#end(key, 'cancelled')
    return true
  }

  /** Hands out the output from an offset on, until `ended` settles and all of it was handed out. */
  async follow(
    key: string,
    fromOffset: number,
    emit: (piece: Events['job']) => Promise<void>,
    ended: Promise<unknown>,
    signal: AbortSignal,
  ): Promise<void> {
    const path = join(this.#folderOf(key), 'output')
    let over = false
    const settled = ended.then(
      () => (over = true),
      () => (over = true),
    )
    for (let offset = fromOffset; !signal.aborted; ) {
      const last = over
      const bytes = await readSome(path, offset)
      // A character whose last bytes have not come yet waits for them, unless nothing more will come.
      const whole = last && bytes.length < pieceBytesMax ? bytes.length : wholeCharacters(bytes)
      if (whole > 0) {
        await emit({ offset, end: offset + whole, text: bytes.toString('utf8', 0, whole) })
        offset += whole
      } else if (last) return
      else await Promise.race([settled, systemClock.sleep(pollMs)])
    }
  }

  #folderOf(key: string): string {
    return join(this.#folder, sha256(key).slice(0, 32))
  }

  async #begin(folder: string, order: ParsedOrder<'job'>): Promise<{ known: Known; running: Running }> {
    const cwd = workFolder(this.#root, order.cwd)
    this.#forgetOld()
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    writeFileSync(join(folder, 'exit'), 'pending', { mode: 0o600 })
    writeFileSync(join(folder, 'output'), '', { mode: 0o600 })
    const tailBytes = Math.min(tailBytesMax, Math.floor(order.outputBytesMax / 4))
    // 120 bytes are left for the line that says that it was cut.
    const blocks = Math.max(1, Math.floor((order.outputBytesMax - tailBytes - 120) / 512))
    const child = spawn('/bin/sh', ['-c', script, 'job', folder, String(blocks), String(tailBytes), order.shell], {
      cwd,
      env: { ...ground(), ...order.env },
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    const started = new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject))
    // When it ends before it read the line, that is told by its end.
    child.stdin.on('error', () => {})
    await started
    child.unref()
    const identity = identify(child.pid as number)
    if (identity === undefined) throw new Error('the command ended before it began')
    const running = ofChild(child, identity)
    const known: Known = { identity, startedAt: Date.now(), timeLimitMs: order.timeLimitMs }
    try {
      await this.#save(folder, known)
    } catch (error) {
      child.stdin.destroy()
      throw error
    }
    child.stdin.end('go\n')
    return { known, running }
  }

  /** Undefined when it never began: its agent died before it let it go. */
  async #watch(key: string, folder: string, known: Known, running: Running): Promise<JobEnd | undefined> {
    const job: { known: Known; ending?: Promise<void> } = { known }
    this.#underWay.set(key, job)
    const startedMs = performance.now() - (ageMs(known.identity) ?? Date.now() - known.startedAt)
    const endedBeforeWatched = running.hasEnded()
    const ended = (exit: number) =>
      endOf(folder, job.known, exit, {
        endedAt: endedBeforeWatched
          ? statSync(join(folder, 'exit')).mtimeMs
          : // A duration, not a second look at a clock that may have been set meanwhile.
            known.startedAt + performance.now() - startedMs,
      })
    if (known.ending !== undefined) job.ending = endGroup(known.identity, stopMs)
    let exitSeenMs: number | undefined
    try {
      for (;;) {
        const over = running.hasEnded()
        const exit = exitOf(folder)
        if (job.ending !== undefined) {
          await job.ending
          const last = exitOf(folder)
          return await ended(typeof last === 'number' ? last : killedCode)
        }
        if (typeof exit === 'number') {
          exitSeenMs ??= performance.now()
          if (over || performance.now() - exitSeenMs > drainMs) return await ended(exit)
        } else if (over) {
          return exit === 'unbegun' ? undefined : await this.#lost(known)
        }
        if (performance.now() - startedMs > known.timeLimitMs) void this.#end(key, 'timed-out')
        else await Promise.race([running.ended, systemClock.sleep(pollMs)])
      }
    } finally {
      this.#underWay.delete(key)
    }
  }

  /** Written down first: an agent that comes after this one must know why the command was killed. */
  #end(key: string, ending: Ending): Promise<void> {
    const job = this.#underWay.get(key)
    if (job === undefined) return Promise.resolve()
    job.ending ??= (async () => {
      job.known = { ...job.known, ending }
      // Not even a full disk keeps it alive: at worst the reason is forgotten should this program end as well.
      await this.#save(this.#folderOf(key), job.known).catch(() => {})
      await endGroup(job.known.identity, stopMs)
    })()
    return job.ending
  }

  async #lost(known: Known): Promise<JobEnd> {
    // Its leader is gone, but what it started may go on: whoever decides what to do next must not meet it.
    if (groupLives(known.identity)) await endGroup(known.identity, stopMs)
    return {
      state: 'lost',
      because: 'the command was killed from outside, or the machine restarted, before it could be written down how it ended',
      startedAt: known.startedAt,
    }
  }

  #save(folder: string, known: Known): Promise<void> {
    return placeText(this.#root, join(folder, 'job.json'), JSON.stringify(known), 0o600)
  }

  #forgetOld(): void {
    const names = existsSync(this.#folder) ? readdirSync(this.#folder) : []
    if (names.length < jobsMax * 1.1) return
    const live = new Set([...this.#underWay.keys()].map((key) => this.#folderOf(key)))
    const oldest = names
      .map((name) => join(this.#folder, name))
      .filter((folder) => !live.has(folder))
      .map((folder) => ({ folder, ms: statSync(folder).mtimeMs }))
      .sort((a, b) => a.ms - b.ms)
    for (const { folder } of oldest.slice(0, names.length - jobsMax)) rmSync(folder, { recursive: true, force: true })
  }
}

/** What a shell says of a command that SIGKILL ended: 128 and the signal's number. */
const killedCode = 137

async function endOf(folder: string, known: Known, exitCode: number, { endedAt }: { endedAt: number }): Promise<JobEnd> {
  const path = join(folder, 'output')
  return {
    state: 'ended',
    exitCode,
    timedOut: known.ending === 'timed-out',
    cancelled: known.ending === 'cancelled',
    outputHash: await sha256OfFile(path),
    outputBytes: statSync(path).size,
    startedAt: known.startedAt,
    endedAt: Math.max(known.startedAt, Math.round(endedAt)),
  }
}

/** Undefined while it runs, and when nobody wrote down how it ended. */
function exitOf(folder: string): number | 'unbegun' | undefined {
  try {
    const text = readFileSync(join(folder, 'exit'), 'utf8').slice(0, exitLength).trim()
    if (text === 'unbegun') return 'unbegun'
    return /^\d+$/.test(text) ? Number(text) : undefined
  } catch {
    return undefined
  }
}

async function readSome(path: string, position: number): Promise<Buffer> {
  if (!existsSync(path)) return Buffer.alloc(0)
  const file = await open(path, 'r')
  try {
    const buffer = Buffer.allocUnsafe(pieceBytesMax)
    const { bytesRead } = await file.read(buffer, 0, buffer.length, position)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

/** How many of the bytes are left when a character of UTF-8 (RFC 3629) that is cut off at their end is not counted. */
export function wholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(4, bytes.length); back++) {
    const byte = bytes[bytes.length - back] as number
    if (byte < 0x80) return bytes.length
    if (byte < 0xc0) continue
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
    return needed > back ? bytes.length - back : bytes.length
  }
  return bytes.length
}
