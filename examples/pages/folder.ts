/** The demo's working folder: the cloud's repository, the server's home, and the document of the story that was told. */
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { defineProblems, sentenceOf } from '@belay/base'
import { sha256, writeWhole } from '@belay/base/node'
import { endAgent, endForgottenServer } from './server-process.ts'
import type { Summary } from './summary.ts'

export const folderProblem = defineProblems({
  'demo-runs-already': {
    status: 409,
    say: ({ folder, pid }: { folder: string; pid: number }) =>
      `A demo runs in ${folder} already (process ${pid}). End it, or give this one another folder: --home DIR.`,
  },
  'demo-not-ours': {
    status: 409,
    say: ({ folder }: { folder: string }) => `${folder} is not empty and no demo made it. Give an empty or a new folder: --home DIR.`,
  },
  'demo-not-cleared': {
    status: 500,
    say: ({ folder, why }: { folder: string; why: string }) => `What an earlier demo left in ${folder} could not be ended: ${why}`,
  },
})

export type Folder = {
  readonly path: string
  readonly repository: string
  readonly home: string
  /** The story that was told here by this very example, when it went as it should. */
  readonly told: Summary | undefined
  keep(summary: Summary): Promise<void>
  /** Ends whatever still runs here and deletes it all. @throws Problem `demo-not-cleared`. */
  clear(): Promise<void>
  /** Lets the next demo in. */
  leave(): Promise<void>
}
type Kept = { readonly example: string; readonly summary: Summary }

/** Takes the folder for this process. @throws Problem `demo-runs-already`, `demo-not-ours`. */
export async function openFolder(path: string): Promise<Folder> {
  const at = {
    lock: join(path, 'demo.json'),
    story: join(path, 'story.json'),
    repository: join(path, 'repository'),
    home: join(path, 'home'),
  }
  const holder = readJson<{ pid: number }>(at.lock)?.pid
  if (holder !== undefined && holder !== process.pid && isDemo(holder))
    throw folderProblem('demo-runs-already', { folder: path, pid: holder })
  const found = await readdir(path).catch(() => [])
  if (found.length > 0 && holder === undefined && !existsSync(at.story)) throw folderProblem('demo-not-ours', { folder: path })
  const claim = () => writeWhole(at.lock, `${JSON.stringify({ pid: process.pid })}\n`)
  await claim()

  const example = await hashOfExample()
  const kept = readJson<Kept>(at.story)
  return {
    path,
    repository: at.repository,
    home: at.home,
    told: kept?.example === example && kept.summary.ok ? kept.summary : undefined,
    keep: (summary) => writeWhole(at.story, `${JSON.stringify({ example, summary } satisfies Kept, null, 2)}\n`),
    clear: async () => {
      try {
        await endForgottenServer(at.home)
        await endAgent(at.home, { erase: true })
        await Promise.all([at.story, at.repository, at.home].map((it) => rm(it, { recursive: true, force: true, maxRetries: 5 })))
      } catch (error) {
        throw folderProblem('demo-not-cleared', { folder: path, why: sentenceOf(error) }, error)
      }
      await mkdir(path, { recursive: true })
    },
    // Without a story that was told to its end there is nothing to come back to, and the folder is still ours to clear.
    leave: () => (existsSync(at.story) ? rm(at.lock, { force: true }) : writeWhole(at.lock, `${JSON.stringify({ pid: 0 })}\n`)),
  }
}

function readJson<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T
  } catch {
    return undefined
  }
}

/** A process id is given anew some day; where the system tells what a process is, it has to be a demo. */
function isDemo(pid: number): boolean {
  if (pid <= 0) return false
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('demo.ts')
  } catch {
    return true
  }
}

/** Changes when the cloud or its history does: what an older one left is not shown for the present one. */
async function hashOfExample(): Promise<string> {
  const parts = await Promise.all(['cloud', 'history'].map((name) => filesUnder(join(import.meta.dirname, name))))
  const files = parts.flat().sort()
  const contents = await Promise.all(files.map((file) => readFile(file, 'utf8')))
  return sha256(contents.map((content, i) => `${files[i]?.slice(import.meta.dirname.length)}\n${content}`).join('\n'))
}

async function filesUnder(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}
