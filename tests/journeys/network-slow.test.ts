/**
 * The example cloud and its users in two network namespaces, a bad link between them: which of the users' calls were
 * slow because of the network, and which because of the server?
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { routes } from '@belay/protocol'
import {
  eventually,
  type Network,
  openChromium,
  openNetwork,
  temporaryFolder,
  whyNoChromium,
  whyNoDelay,
  whyNoNetwork,
} from '@belay/testkit'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type TestCloud, testCloud } from './support.ts'
import { openTab, takePicture } from './tab.ts'

const builtPage = fileURLToPath(new URL('../../apps/web/dist/index.html', import.meta.url))
const belay = fileURLToPath(new URL('../../apps/cli/belay.mjs', import.meta.url))
const example = fileURLToPath(new URL('../../examples/pages/', import.meta.url))
const missing = whyNoNetwork() ?? whyNoDelay() ?? whyNoChromium()
/** What users reach: an address of their provider, behind which the cloud's own port is. */
const publicPort = 8080
/** Far more than the cloud takes for any of its methods. */
const slowMs = 400
const seconds = 8

/** The example as a team would have it, with one method that thinks for long, and an edge that is recorded as the others are. */
async function slowExample(): Promise<Record<string, string>> {
  const folder = join(example, 'cloud')
  const files: Record<string, string> = {}
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    files[relative(folder, path)] = await readFile(path, 'utf8')
  }
  const change = (file: string, from: string, to: string) => {
    expect(files[file]).toContain(from)
    files[file] = files[file]?.replace(from, to) as string
  }
  change('belay.yaml', 'open: true,', 'open: true, record: true,')
  change(
    'api/stats.ts',
    'const ms = Number(asked.ms)',
    `const ms = Number(asked.ms)\n    await new Promise((resolve) => setTimeout(resolve, ${slowMs}))`,
  )
  return files
}

/** People, and their requests a second. */
const usersScript = (url: string, perSecond: number) => `
  import { startTraffic } from ${JSON.stringify(join(example, 'traffic.ts'))}
  import { seededRandom } from '@belay/base'
  const traffic = startTraffic({ url: ${JSON.stringify(url)}, perSecond: ${perSecond}, random: seededRandom(7) })
  process.once('SIGTERM', async () => { await traffic.stop(); process.exit(0) })
`

describe.skipIf(missing)(`a bad link between users and cloud${missing === undefined ? '' : ` (${missing})`}`, () => {
  let browser: Browser
  let network: Network
  let cloud: TestCloud

  beforeAll(async () => {
    const opened = await openChromium()
    if ('skipped' in opened) throw new Error(opened.skipped)
    browser = opened
    if (!existsSync(builtPage)) throw new Error('The page is not built yet: node tools/setup.mjs --tests')
    network = await openNetwork({ hosts: [{ name: 'users', delayMs: 0 }, { name: 'cloud' }], withMachine: true })
    cloud = await testCloud(await slowExample(), {}, undefined, network.host('cloud'))
    await cloud.start()
  })
  afterAll(async () => {
    await browser?.close()
    await cloud?.close()
    await network?.[Symbol.asyncDispose]()
  })

  test('the page tells calls that the network made slow from those that the server made slow', async () => {
    await using place = await temporaryFolder()
    const there = network.host('cloud')
    const client = cloud.client()
    await client.call(routes.releases.cut, { body: { ref: 'v1' } })
    const { id } = await cloud.deploy('private', 'v1')
    expect((await cloud.settled(id)).state).toBe('passed')
    const shown = await client.call(routes.environments.show, { params: { name: 'private' } })
    const edge = shown.hosts.flatMap((host) => host.services).find((it) => it.service === 'edge')?.address ?? ''
    await there.run('sh', '-ec', 'echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet')
    const rule = `tcp dport ${publicPort} dnat to ${edge}`
    await there.run(
      'nft',
      `add table ip road; add chain ip road in { type nat hook prerouting priority -100; }; add rule ip road in ${rule}`,
    )

    const url = `http://${there.address}:${publicPort}`
    const users = network.host('users').start([process.execPath, '--input-type=module', '--eval', usersScript(url, 12)])
    const file = join(place.path, 'users.pcap')
    const capture = await there.capture(file, `tcp port ${publicPort}`)
    await network.host('users').shape({ rateMbit: 0.5, loss: 0.04 })
    network.host('users').delay(60)
    await new Promise((resolve) => setTimeout(resolve, seconds * 1_000))
    users.kill('SIGTERM')
    const { droppedByKernel } = await capture.stop()
    expect(droppedByKernel).toBe(0)

    const { url: server, token } = JSON.parse(await readFile(join(cloud.home, 'server.json'), 'utf8')) as { url: string; token: string }
    const env = { ...process.env, BELAY_URL: server, BELAY_TOKEN: token, NO_COLOR: '1' }
    const sent = spawnSync(process.execPath, [belay, 'tcp', 'send', file, '--environment', 'private', '--taken-on', 'box', '--json'], {
      env,
      encoding: 'utf8',
    })
    expect(sent.status, sent.stdout + sent.stderr).toBe(0)

    // What the services recorded is on its way for some seconds.
    const told = await eventually(
      async () => {
        const it = await client.call(routes.network.calls, {
          query: { environment: 'private', service: 'edge', slowerMs: slowMs / 4, limit: 500 },
        })
        if (it.reasons.network < 3 || it.reasons.server < 3) throw new Error(`so far ${JSON.stringify(it.reasons)}: ${it.says}`)
        return it
      },
      { withinMs: 30_000, what: 'calls that both made slow' },
    )
    // The edge knows a method only by its path; what thinks for long is one of them, and no page does.
    const thinks = told.calls.filter((it) => it.method === 'Stats.save' && it.slowBecause !== 'unknown')
    const pages = told.calls.filter((it) => it.method.endsWith(' page') && it.slowBecause !== 'unknown')
    expect(thinks.length).toBeGreaterThan(2)
    expect(pages.length).toBeGreaterThan(2)
    const right = [...thinks.filter((it) => it.slowBecause === 'server'), ...pages.filter((it) => it.slowBecause === 'network')]
    expect(right.length / (thinks.length + pages.length), told.says).toBeGreaterThan(0.9)

    const { actor } = await client.call(routes.me, {})
    const link = await client.call(routes.users.link, { params: { name: actor }, body: {} })
    // The page is not on this machine's loopback here, and comes by plain HTTP.
    await using tab = await openTab(browser, { expected: [/Cross-Origin-Opener-Policy/, /origin-keyed/] })
    await tab.page.goto(link.url)
    const origin = new URL(link.url).origin
    for (const [because, method] of [
      ['network', 'Item page'],
      ['server', 'Stats.save'],
    ] as const) {
      await tab.page.goto(`${origin}/network/calls?environment=private&service=edge&because=${because}`)
      const calls = tab.page.getByRole('list', { name: 'Calls, the slowest first' }).getByRole('listitem')
      await calls.filter({ hasText: method }).first().waitFor()
      expect(await calls.first().getByText(because, { exact: true }).count()).toBe(1)
      await takePicture(tab.page, `network-calls-${because}`)
    }
    // And from a call to the session that carried it.
    await tab.page.getByRole('link', { name: 'session' }).first().click()
    await tab.page.getByText(/calls? travelled in it/).waitFor()
    expect(tab.complaints()).toEqual([])
  })
})
