import { execFileSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Who } from '@belay/access'
import { Problem } from '@belay/base'
import { createApi } from '@belay/http'
import { createClient, routes } from '@belay/protocol'
import { type TemporaryFolder, temporaryFolder } from '@belay/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findReferences, referenceRoutes } from './references.ts'

describe('where the code mentions flags', () => {
  let folder: TemporaryFolder
  let repository: string
  beforeAll(async () => {
    folder = await temporaryFolder()
    repository = await repositoryOf({
      'src/checkout.ts': [
        "if (await flags.boolean('checkout', false)) pay()",
        "flags.boolean('checkout-v2', false) // not the old one",
        'flags.boolean("shop.checkout.fast", false)',
        'const old = checkout_old',
        '    // checkout: see checkout',
      ].join('\n'),
      'deep/er/ünïcode name.md': 'The flag `checkout-v2`.\r\nNothing here.\n',
      'picture.bin': Buffer.from('checkout\0checkout\n'),
      'long.txt': `${'x'.repeat(500)} checkout-v2 ${'y'.repeat(500)}\n`,
      'many.txt': 'many times\n'.repeat(60),
    })
  })
  afterAll(() => folder[Symbol.asyncDispose]())

  async function repositoryOf(files: Record<string, string | Buffer>, name = 'repository'): Promise<string> {
    const place = join(folder.path, name)
    await mkdir(place)
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=Ann', '-c', 'user.email=a@example.test', ...args], { cwd: place })
    git('init', '--quiet', '--initial-branch', 'main')
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(place, path)), { recursive: true })
      await writeFile(join(place, path), content)
    }
    git('add', '--all')
    git('commit', '--quiet', '--message', 'first')
    git('tag', 'v1')
    return place
  }
  const placesOf = async (keys: string[], from = repository) => {
    const { flags } = await findReferences({ repository: from, keys })
    return Object.fromEntries(flags.map(({ key, mentions }) => [key, mentions.map(({ file, line }) => `${file}:${line}`)]))
  }

  test('a key counts where it stands by itself, and the longer key where one goes on as another', async () => {
    expect(await placesOf(['checkout', 'checkout-v2', 'shop.checkout.fast', 'nowhere'])).toEqual({
      // The names of files are not their content; the line that has it twice counts once.
      checkout: ['src/checkout.ts:1', 'src/checkout.ts:5'],
      'checkout-v2': ['deep/er/ünïcode name.md:1', 'long.txt:1', 'src/checkout.ts:2'],
      'shop.checkout.fast': ['src/checkout.ts:3'],
      nowhere: [],
    })
    // Without the longer key a dot ends a word.
    expect((await placesOf(['checkout'])).checkout).toContain('src/checkout.ts:3')
  })

  test('dots of a key are dots', async () => {
    expect(await placesOf(['checkout.v2', 'shop.checkout.fast'])).toEqual({
      'checkout.v2': [],
      'shop.checkout.fast': ['src/checkout.ts:3'],
    })
  })

  test('lines are shown without their margins and cut around the mention', async () => {
    const { flags } = await findReferences({ repository, keys: ['checkout', 'checkout-v2'] })
    expect(flags[0]?.mentions.at(-1)?.text).toBe('// checkout: see checkout')
    const long = flags[1]?.mentions.find(({ file }) => file === 'long.txt')?.text ?? ''
    expect(long).toHaveLength(200)
    expect(long).toMatch(/^…x+ checkout-v2 y+…$/)
  })

  test('fifty mentions of a flag are shown, and that there are more', async () => {
    const [many] = (await findReferences({ repository, keys: ['many'] })).flags
    expect(many?.mentions).toHaveLength(50)
    expect(many?.more).toBe(true)
  })

  test('a bare repository, a folder below the top and a tag will do; what is not committed does not count', async () => {
    const bare = join(folder.path, 'bare.git')
    execFileSync('git', ['clone', '--quiet', '--bare', repository, bare])
    await writeFile(join(repository, 'later.txt'), 'checkout-v2')
    const keys = ['checkout-v2']
    const whole = await findReferences({ repository, keys })
    expect((await findReferences({ repository: bare, keys, ref: 'v1' })).flags).toEqual(whole.flags)
    expect((await findReferences({ repository: join(repository, 'deep/er'), keys, ref: 'main' })).flags).toEqual(whole.flags)
    expect(whole.commit).toMatch(/^[0-9a-f]{40}$/)
  })

  test('five thousand mentions in all', async () => {
    const keys = Array.from({ length: 150 }, (_, index) => `key-${index}`)
    const place = await repositoryOf({ 'all.txt': keys.map((key) => `${key}\n`.repeat(40)).join('') }, 'busy')
    const { flags } = await findReferences({ repository: place, keys })
    expect(flags.reduce((sum, { mentions }) => sum + mentions.length, 0)).toBe(5_000)
    expect(flags.every(({ more }) => more)).toBe(true)
  })

  test('thousands of keys in one go', async () => {
    const keys = Array.from({ length: 5_000 }, (_, index) => `some-flag-${index}`)
    const { flags } = await findReferences({ repository, keys: [...keys, 'checkout'] })
    expect(flags).toHaveLength(5_001)
    expect(flags.at(-1)?.mentions.length).toBeGreaterThan(0)
  })

  test('over HTTP all flags are searched for, or those that are named; searches take their turn', async () => {
    const who: Who = { actor: 'ann', role: 'viewer' }
    const api = await createApi<Who>({
      name: 'belay',
      version: '0',
      authenticate: async () => who,
      refuse: () => undefined,
      ready: async () => undefined,
    })
    referenceRoutes(api, { repository, keys: () => ['checkout', 'nowhere'] })
    const { url } = await api.listen({ host: '127.0.0.1', port: 0 })
    try {
      const client = createClient({ url, token: 'any' })
      const asked = [{}, { keys: 'checkout-v2, many', ref: 'v1' }, { ref: 'gone' }].map((query) =>
        client.call(routes.flags.references, { query }),
      )
      const [all, named, none] = await Promise.allSettled(asked)
      expect(all?.status === 'fulfilled' && all.value.flags.map(({ key, mentions }) => [key, mentions.length])).toEqual([
        ['checkout', 3],
        ['nowhere', 0],
      ])
      expect(named?.status === 'fulfilled' && named.value.flags.map(({ key }) => key)).toEqual(['checkout-v2', 'many'])
      expect(none?.status === 'rejected' && none.reason).toMatchObject({ code: 'code-unknown-ref' })
    } finally {
      await api.close()
    }
  })

  test.each([
    ['a folder without a repository', () => folder.path, 'HEAD', 'code-not-a-repository'],
    ['no folder', () => join(folder.path, 'gone'), 'HEAD', 'code-not-a-repository'],
    ['a ref that is none', () => repository, 'nope', 'code-unknown-ref'],
    ['a ref that would be an option', () => repository, '--all', 'code-unknown-ref'],
  ])('%s is told in a sentence', async (_, place, ref, code) => {
    const error = await findReferences({ repository: place(), keys: ['checkout'], ref }).catch((it: unknown) => it)
    expect(error).toBeInstanceOf(Problem)
    expect(error).toMatchObject({ code })
  })
})
