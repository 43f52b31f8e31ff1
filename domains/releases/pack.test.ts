import { chmodSync, linkSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { sha256OfFile } from '@belay/base/node'
import { type TemporaryFolder, temporaryFolder } from '@belay/testkit'
import { list } from 'tar'
import { describe, expect, test } from 'vitest'
import { inspectArtifact, packFolder } from './pack.ts'

const make = (folder: TemporaryFolder, name: string, files: readonly string[]) => {
  for (const file of files) {
    mkdirSync(join(folder.path, name, file, '..'), { recursive: true })
    writeFileSync(join(folder.path, name, file), file)
  }
  return join(folder.path, name)
}
async function entriesOf(file: string): Promise<{ path: string; type: string; mode: number; linkpath: string }[]> {
  const found: { path: string; type: string; mode: number; linkpath: string }[] = []
  await list({ file, onReadEntry: ({ path, type, mode = 0, linkpath = '' }) => void found.push({ path, type, mode, linkpath }) })
  return found
}

describe('packing a folder', () => {
  test('equal content gives equal bytes, whoever wrote it, when and in which order', async () => {
    await using folder = await temporaryFolder()
    const files = ['b/two.js', 'a.js', 'Z.js', 'node_modules/@scope/x.js', '@odd', 'ä.txt', `${'long/'.repeat(30)}name.js`]
    const [first, second] = [make(folder, 'first', files), make(folder, 'second', files.toReversed())]
    chmodSync(join(second, 'a.js'), 0o666)
    utimesSync(join(second, 'Z.js'), 1, 1)
    const [a, b] = [join(folder.path, 'a.tgz'), join(folder.path, 'b.tgz')]
    const packed = await packFolder(first, a, 'it')
    expect((await packFolder(second, b, 'it')).sha256).toBe(packed.sha256)
    expect(packed.sha256).toBe(await sha256OfFile(a))
    expect((await entriesOf(a)).filter(({ type }) => type === 'File')).toHaveLength(files.length)
    chmodSync(join(second, 'a.js'), 0o755)
    expect((await packFolder(second, b, 'it')).sha256).not.toBe(packed.sha256)
  })

  test('links stay links, the executable bit stays, .git stays out', async () => {
    await using folder = await temporaryFolder()
    const it = make(folder, 'it', ['run.sh', '.git/config', 'vendor/x/.git', 'sub/file'])
    chmodSync(join(it, 'run.sh'), 0o700)
    symlinkSync('../run.sh', join(it, 'sub/link'))
    linkSync(join(it, 'run.sh'), join(it, 'same'))
    const file = join(folder.path, 'it.tgz')
    const { warnings } = await packFolder(it, file, 'it')
    const entries = await entriesOf(file)
    expect(entries.map(({ path }) => path)).toEqual([
      './run.sh',
      './same',
      './sub/',
      './sub/file',
      './sub/link',
      './vendor/',
      './vendor/x/',
    ])
    expect(entries.find(({ path }) => path === './sub/link')).toMatchObject({ type: 'SymbolicLink', linkpath: '../run.sh' })
    expect(entries.find(({ path }) => path === './run.sh')?.mode).toBe(0o700)
    expect(warnings).toEqual([])
  })

  test('a link that leads out and a socket are told', async () => {
    await using folder = await temporaryFolder()
    const it = make(folder, 'it', ['a/b'])
    symlinkSync('/etc/hosts', join(it, 'absolute'))
    symlinkSync('../../x', join(it, 'a/relative'))
    const server = createServer().listen(join(it, 'socket'))
    await new Promise((resolve) => server.once('listening', resolve))
    try {
      const { warnings } = await packFolder(it, join(folder.path, 'it.tgz'), 'The artifact of web')
      expect(warnings).toEqual([
        'The artifact of web: a/relative -> ../../x (and 1 more like it) leads out of the artifact, so on a host it leads nowhere. Copy what it names.',
        'The artifact of web: socket is neither file, folder nor link and was left out.',
      ])
    } finally {
      server.close()
    }
  })

  test('an empty folder is an artifact', async () => {
    await using folder = await temporaryFolder()
    mkdirSync(join(folder.path, 'empty'))
    const file = join(folder.path, 'it.tgz')
    expect(await packFolder(join(folder.path, 'empty'), file, 'it')).toMatchObject({ files: 0 })
    expect((await entriesOf(file)).map(({ path }) => path)).toEqual(['./'])
    expect(await inspectArtifact(file)).toBeUndefined()
  })
})
