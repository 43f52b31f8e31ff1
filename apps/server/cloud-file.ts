/** belay.yaml as the server knows it: the last one that was whole, and the problems of the one that lies there now. */
import { readFile, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { type CloudFile, type CloudFileProblem, formatProblem, readCloudFile } from '@belay/cloudfile'
import { serverProblem } from './problems.ts'

/** A look at the file's time is cheap; a second is as fast as a person saves and asks. */
const lookEveryMs = 1_000

export type LiveCloudFile = {
  readonly path: string
  current(): CloudFile
  problems(): readonly CloudFileProblem[]
  /** Looks at the file until aborted; tells of each new version that is whole. */
  watch(onChange: (file: CloudFile) => Promise<void>, signal: AbortSignal): void
}

export async function openCloudFile(path: string): Promise<LiveCloudFile> {
  const first = await read(path)
  if (first === undefined) throw serverProblem('no-cloud-file', { file: path })
  if (first.file === undefined) throw serverProblem('bad-cloud-file', { list: first.problems.map(formatProblem).join('\n') })
  let current: CloudFile = first.file
  let problems: readonly CloudFileProblem[] = []
  let seen = await version(path)

  async function look(onChange: (file: CloudFile) => Promise<void>): Promise<void> {
    const now = await version(path)
    if (now === seen) return
    seen = now
    const it = await read(path)
    problems =
      it === undefined
        ? [{ file: basename(path), line: 1, column: 1, field: '', message: 'the file is gone; the server works with the last one' }]
        : it.problems
    if (it?.file === undefined) return
    current = it.file
    await onChange(current)
  }

  return {
    path,
    current: () => current,
    problems: () => problems,
    watch(onChange, signal) {
      const timer = setInterval(() => void look(onChange).catch(() => {}), lookEveryMs)
      signal.addEventListener('abort', () => clearInterval(timer), { once: true })
    },
  }
}

async function read(path: string) {
  const text = await readFile(path, 'utf8').catch(() => undefined)
  return text === undefined ? undefined : readCloudFile(text, basename(path))
}

async function version(path: string): Promise<string> {
  const it = await stat(path).catch(() => undefined)
  return it === undefined ? 'absent' : `${it.mtimeMs} ${it.size} ${it.ino}`
}
