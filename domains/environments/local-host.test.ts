import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Agent, connectAgent, runCommand } from '@belay/exec'
import { sha256OfFile } from '@belay/base/node'
import { type TemporaryFolder, temporaryFolder, tmpfs } from '@belay/testkit'
import { afterAll, beforeAll } from 'vitest'
import { hostKeepsItsPromises, type OpenedHost } from './host.contract.ts'
import { openLocalHost } from './local-host.ts'

const main = join(import.meta.dirname, '../../apps/agent/main.ts')
let ground: TemporaryFolder
let agent: Agent

beforeAll(async () => {
  ground = await temporaryFolder()
  agent = await connectAgent({ home: join(ground.path, 'agent'), main })
})

afterAll(async () => {
  await agent.ask('retire', {})
  agent.close()
  await ground[Symbol.asyncDispose]()
})

hostKeepsItsPromises(
  'local',
  async () => openIn(await mkdtemp(join(ground.path, 'host-'))),
  async () => {
    const small = await tmpfs(1024 * 1024)
    if ('skipped' in small) return small
    const it = await openIn(small.path)
    return {
      ...it,
      close: async () => {
        await it.close()
        await small[Symbol.asyncDispose]()
      },
    }
  },
)

async function openIn(folder: string): Promise<OpenedHost> {
  const host = openLocalHost({ name: 'box', environment: 'private', folder: join(folder, 'box'), agent })
  const artifacts = await mkdtemp(join(ground.path, 'artifacts-'))
  let made = 0
  return {
    host,
    see: (relative) => host.path(relative),
    artifact: async (files) => {
      const source = join(artifacts, String(++made))
      for (const [name, content] of Object.entries(files)) {
        await mkdir(dirname(join(source, name)), { recursive: true })
        await writeFile(join(source, name), content, { mode: name.endsWith('.sh') ? 0o755 : 0o644 })
      }
      const path = `${source}.tgz`
      await runCommand(['tar', '-czf', path, '-C', source, '.'])
      return { path, sha256: await sha256OfFile(path) }
    },
    killAgent: async (alsoGroups = []) => {
      const { pid } = JSON.parse(readFileSync(join(ground.path, 'agent/agent.json'), 'utf8')) as { pid: number }
      // Stopped first: it must not see what happens to the others.
      process.kill(pid, 'SIGSTOP')
      for (const group of alsoGroups) process.kill(-group, 'SIGKILL')
      process.kill(pid, 'SIGKILL')
    },
    close: async () => {
      await host.erase({ key: 'close', fence: 1_000 })
      await rm(artifacts, { recursive: true, force: true })
    },
  }
}
