/**
 * A small network on this machine for tests: hosts (network namespaces) around one router, each on a link of its own
 * whose rate, queue, loss and delay can be set and changed while it runs. Loss and queues are the router's, so a capture
 * on a host sees what a host sees: the sender's shows packets that never arrive, the receiver's does not.
 */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const execute = promisify(execFile)
const delayLink = fileURLToPath(new URL('delay-link.pl', import.meta.url))

/** A client, some services and a second client are the most that a test wants to tell apart. */
const hostsMax = 8
/** Each costs three namespaces and up to three processes; a test of many causes opens about ten at once. */
const networksMax = 24
/** No test of a network needs longer; a namespace must not outlive a test that hangs. */
const lifeMsMax = 280_000
/** A command that only sets something up; the machine may be busy. */
const commandMsMax = 20_000
/** More than the kernel lets one socket have in its interface's queue (TCP small queues). */
const ownQueueBytes = 1_000_000
const sbin = ['/usr/sbin', '/sbin', '/usr/local/sbin']
const needed = [
  { program: 'ip', packageName: 'iproute2' },
  { program: 'tc', packageName: 'iproute2' },
  { program: 'nft', packageName: 'nftables' },
  { program: 'tcpdump', packageName: 'tcpdump' },
]

/** What traffic towards a host meets at the router; all off by default. */
export type Shape = {
  readonly rateMbit?: number
  /** What waits for the rate at most; more is dropped (tail drop). 100 kB by default. */
  readonly queueBytes?: number
  /** Dropped at random, 0 to 1. */
  readonly loss?: number
}

export type HostOptions = {
  readonly name: string
  /** One way, in both directions, on this host's link. Given (0 too), it can be changed later; a link without is a veth pair. */
  readonly delayMs?: number
  /** `net.ipv4.*` of this host, e.g. `{ tcp_rmem: '4096 16384 16384' }`. */
  readonly sysctl?: Readonly<Record<string, string>>
  readonly toward?: Shape
  /** The host's own interface lets no more out: its programs and its kernel are held back, and nothing is dropped. */
  readonly ownRateMbit?: number
}

export type NetworkOptions = {
  readonly hosts: readonly HostOptions[]
  /** The machine itself becomes one more neighbour of the router: the hosts reach it at `network.machine`, it reaches them. */
  readonly withMachine?: boolean
}

export type Host = {
  readonly name: string
  readonly address: string
  /** The namespace's name, for `ip netns exec`. */
  readonly namespace: string
  /** The command line that runs this command on the host. */
  argv(...command: string[]): [program: string, ...args: string[]]
  /** Runs it to its end and hands back what it printed. */
  run(...command: string[]): Promise<string>
  /** Starts it; it is killed with the network at the latest. */
  start(command: readonly string[], env?: Readonly<Record<string, string>>): ChildProcess
  /** Changes what traffic towards this host meets; what is not named is off. */
  shape(shape: Shape): Promise<void>
  delay(milliseconds: number): void
  /** Begins to write what the host sends and receives to a file (pcap, nanoseconds, headers alone). */
  capture(file: string, filter?: string): Promise<Capture>
}

export type Capture = {
  /** Ends it when all packets are in the file. */
  stop(): Promise<{ readonly packets: number; readonly droppedByKernel: number }>
}

export type Network = AsyncDisposable & {
  /** @throws when there is no such host */
  host(name: string): Host
  /** This machine's address as the hosts see it; undefined without `withMachine`. */
  readonly machine: string | undefined
}

/** Undefined when networks can be made here, else what is missing and how to get it. */
export function whyNoNetwork(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces are a part of Linux'
  if (process.getuid?.() !== 0) return 'only root may make network namespaces'
  const missing = [...new Set(needed.filter(({ program }) => !onPath(program)).map(({ packageName }) => packageName))]
  if (missing.length > 0) return `missing: apt-get install ${missing.join(' ')}`
  return whyRefused()
}

/** The same for links with a delay. */
export function whyNoDelay(): string | undefined {
  if (!existsSync('/dev/net/tun')) return 'this machine has no /dev/net/tun, through which a link with a delay is made'
  return onPath('perl') ? undefined : 'missing: apt-get install perl'
}

/** A container's root may not be allowed to; only trying tells. */
let refused: string | null | undefined
function whyRefused(): string | undefined {
  if (refused === undefined) {
    const name = `${prefixOf(process.pid)}try`
    try {
      for (const order of ['add', 'delete']) execFileSync('ip', ['netns', order, name], { env: environment, stdio: 'pipe' })
      refused = null
    } catch (thrown) {
      refused = `this machine does not allow network namespaces: ${said(thrown)}`
    }
  }
  return refused ?? undefined
}

/** Prefixes of the namespaces that this process has. */
const open = new Set<string>()
process.once('exit', () => {
  for (const prefix of open) removeAll(prefix)
})

/**
 * Makes the hosts and their links. Gone, with all that runs on them, on the way out of the block: `await using network = …`;
 * what a killed test left is removed by the next one.
 */
export async function openNetwork({ hosts, withMachine = false }: NetworkOptions): Promise<Network> {
  const why = whyNoNetwork() ?? (hosts.some(({ delayMs }) => delayMs !== undefined) ? whyNoDelay() : undefined)
  if (why !== undefined) throw new Error(`No network for this test: ${why}.`)
  if (hosts.length === 0 || hosts.length > hostsMax) throw new Error(`A network has 1 to ${hostsMax} hosts, not ${hosts.length}.`)
  if (open.size >= networksMax) throw new Error(`${networksMax} networks are open already, which is the most; close one.`)
  removeLeftovers()
  // Several workers of the tests may be threads of one process.
  const number = randomInt(36 ** 3)
  const prefix = `${prefixOf(process.pid)}${number.toString(36)}-`
  open.add(prefix)
  const tooLong = setTimeout(() => removeAll(prefix), lifeMsMax).unref()
  const close = async () => {
    clearTimeout(tooLong)
    removeAll(prefix)
    open.delete(prefix)
  }
  try {
    const network = await build(prefix, number, hosts, withMachine)
    return { ...network, [Symbol.asyncDispose]: close }
  } catch (thrown) {
    await close()
    throw thrown
  }
}

async function build(
  prefix: string,
  number: number,
  hosts: readonly HostOptions[],
  withMachine: boolean,
): Promise<Omit<Network, keyof AsyncDisposable>> {
  const router = `${prefix}router`
  const subnet = subnetFor(number)
  const links = hosts.map((options, nth) => ({ options, namespace: prefix + options.name, ...addressesIn(subnet, nth) }))
  await batch([`netns add ${router}`, ...links.map(({ namespace }) => `netns add ${namespace}`)])
  await inNamespace(router, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward')
  const delays = new Map<string, ChildProcess>()
  for (const { options, namespace, routed, own } of links) {
    if (options.delayMs === undefined) await vethPair(router, options.name, namespace)
    else delays.set(options.name, await delayedPair(router, options.name, namespace, options.delayMs))
    // Without offloading a packet on the link is a packet of TCP, as on a real one; a jumbo would pass a loss of 1 % whole.
    const alone = options.delayMs === undefined ? ' gso_max_segs 1' : ''
    await batch([`link set dev ${options.name} up${alone}`, `address add ${routed}/30 dev ${options.name}`], router)
    await batch(
      [`link set dev lo up`, `link set dev road up${alone}`, `address add ${own}/30 dev road`, `route add default via ${routed}`],
      namespace,
    )
    if (options.ownRateMbit !== undefined)
      await inNamespace(namespace, 'sh', '-ec', rateCommand('road', { rateMbit: options.ownRateMbit, queueBytes: ownQueueBytes }))
    const settings = Object.entries(options.sysctl ?? {}).map(([name, value]) => `echo '${value}' > /proc/sys/net/ipv4/${name}`)
    if (settings.length > 0) await inNamespace(namespace, 'sh', '-ec', settings.join('\n'))
  }
  const machine = withMachine ? await joinMachine(router, prefix, subnet, hosts.length) : undefined
  const made = links.map(({ options, namespace, own }) => hostOf(options, namespace, own, router, delays.get(options.name)))
  for (const [nth, { options }] of links.entries()) if (options.toward !== undefined) await made[nth]?.shape(options.toward)
  return {
    machine,
    host(name) {
      const found = made.find((host) => host.name === name)
      if (found === undefined) throw new Error(`The network has no host ${name}; it has ${made.map((host) => host.name).join(', ')}.`)
      return found
    },
  }
}

function hostOf(options: HostOptions, namespace: string, address: string, router: string, link: ChildProcess | undefined): Host {
  const argv = (...command: string[]): [string, ...string[]] => ['ip', 'netns', 'exec', namespace, ...command]
  const start: Host['start'] = (command, env = {}) => {
    const [program, ...args] = argv(...command)
    return spawn(program, args, { env: { ...environment, ...env }, stdio: ['pipe', 'pipe', 'pipe'] })
  }
  return {
    name: options.name,
    address,
    namespace,
    argv,
    start,
    run: (...command) => inNamespace(namespace, ...command),
    async shape(shape) {
      await inNamespace(router, 'sh', '-ec', rateCommand(options.name, shape))
      await inNamespace(router, 'nft', lossRules(options.name, shape.loss ?? 0))
    },
    delay(milliseconds) {
      if (link === undefined) throw new Error(`The link of ${options.name} was made without a delay; give delayMs: 0 to change it later.`)
      link.stdin?.write(`${milliseconds}\n`)
    },
    capture: (file, filter = 'tcp') => capture(start, file, filter),
  }
}

function rateCommand(device: string, { rateMbit, queueBytes = 100_000 }: Shape): string {
  if (rateMbit === undefined) return `tc qdisc delete dev ${device} root 2>/dev/null || true`
  // The burst: two full packets, or a millisecond of the rate where that is more, because the kernel looks that often.
  const burstBytes = Math.max(3_200, Math.ceil(rateMbit * 125))
  return `tc qdisc replace dev ${device} root tbf rate ${rateMbit}mbit burst ${burstBytes} limit ${queueBytes}`
}

/** A chain for each link, made anew in one transaction: no packet passes between the old rule and the new one. */
function lossRules(device: string, loss: number): string {
  const chain = `ip loss ${device}`
  const rule = loss > 0 ? [`add rule ${chain} oifname ${device} numgen random mod 1000000 < ${Math.round(loss * 1e6)} drop`] : []
  const hook = '{ type filter hook forward priority 0; }'
  return ['add table ip loss', `add chain ${chain} ${hook}`, `flush chain ${chain}`, ...rule].join('; ')
}

async function capture(start: Host['start'], file: string, filter: string): Promise<Capture> {
  // Without -Z, Debian's tcpdump gives root up and may then not write into the test's folder.
  const options = ['-i', 'road', '-n', '-U', '-s', '128', '-B', '16384', '--immediate-mode', '--time-stamp-precision=nano', '-Z', 'root']
  const child = start(['tcpdump', ...options, '-w', file, filter])
  const heard = hear(child)
  await until(() => heard.text().includes('listening on'), child, heard)
  const ended = once(child, 'close')
  return {
    async stop() {
      // What is in the kernel's ring has not been read yet.
      await sleep(150)
      child.kill('SIGTERM')
      await ended
      const figure = (pattern: RegExp) => Number(pattern.exec(heard.text())?.[1] ?? Number.NaN)
      return { packets: figure(/(\d+) packets? captured/), droppedByKernel: figure(/(\d+) packets? dropped by kernel/) }
    },
  }
}

// --- Links

/** The router's end has the host's name, the host's end is `road`. */
async function vethPair(router: string, host: string, namespace: string): Promise<void> {
  await batch([`link add name ${host} type veth peer name road netns ${namespace}`], router)
}

async function delayedPair(router: string, host: string, namespace: string, delayMs: number): Promise<ChildProcess> {
  const child = spawn('ip', ['netns', 'exec', router, 'perl', delayLink, host, 'road', String(delayMs)], { env: environment })
  child.stdin.on('error', () => {}) // It ended with the network.
  const heard = hear(child)
  await until(() => heard.text().includes('ready'), child, heard)
  await batch([`link set dev road netns ${namespace}`], router)
  return child
}

async function joinMachine(router: string, prefix: string, subnet: string, nth: number): Promise<string> {
  const { routed, own } = addressesIn(subnet, nth)
  // Both names of a pair are for one moment in the namespace of the machine, which has 15 letters for a name.
  const device = prefix.replace('belay-', '').slice(0, -1)
  await batch([`link add name machine type veth peer name ${device} netns ${process.pid}`], router)
  await batch(['link set dev machine up', `address add ${routed}/30 dev machine`], router)
  await batch([`link set dev ${device} up`, `address add ${own}/30 dev ${device}`, `route add ${subnet}.0/24 via ${routed}`])
  return own
}

/** Host n has a network of four addresses: the router's end and its own. */
function addressesIn(subnet: string, nth: number): { readonly routed: string; readonly own: string } {
  return { routed: `${subnet}.${4 * nth + 1}`, own: `${subnet}.${4 * nth + 2}` }
}

/** One /24 of 198.18.0.0/15, which is set aside for measurements (RFC 2544): no neighbour of this machine is there. */
function subnetFor(number: number): string {
  const taken = execFileSync('ip', ['-4', 'route', 'show'], { env: environment, encoding: 'utf8', stdio: 'pipe' })
  for (let nth = number; ; nth++) {
    const subnet = `198.${18 + ((nth >> 8) & 1)}.${nth & 0xff}`
    if (!taken.includes(`${subnet}.`)) return subnet
  }
}

// --- Cleaning up

function prefixOf(pid: number): string {
  return `belay-t${pid.toString(36)}-`
}

function namespacesOf(prefix: string): string[] {
  const listed = execFileSync('ip', ['netns', 'list'], { env: environment, encoding: 'utf8', stdio: 'pipe' })
  return listed
    .split('\n')
    .flatMap((line) => line.split(' ')[0] ?? [])
    .filter((name) => name.startsWith(prefix))
}

/** Whatever runs in these namespaces, and they themselves. Synchronously, so that it also works while the process ends. */
function removeAll(prefix: string): void {
  for (const namespace of namespacesOf(prefix)) {
    try {
      const pids = execFileSync('ip', ['netns', 'pids', namespace], { env: environment, encoding: 'utf8', stdio: 'pipe' })
      for (const pid of pids.split('\n').filter(Boolean)) killIfThere(Number(pid))
      execFileSync('ip', ['netns', 'delete', namespace], { env: environment, stdio: 'pipe' })
    } catch {
      // Another test's sweep was quicker.
    }
  }
}

function removeLeftovers(): void {
  const owners = new Set(namespacesOf('belay-t').flatMap((name) => /^belay-t([0-9a-z]+)-/.exec(name)?.[1] ?? []))
  for (const owner of owners) {
    const pid = Number.parseInt(owner, 36)
    if (!existsSync(`/proc/${pid}`)) removeAll(prefixOf(pid))
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has just ended by itself.
  }
}

// --- Small things

/** Debian's ordinary users, and some services, have no sbin on their path. */
const environment = { ...process.env, PATH: [process.env['PATH'] ?? '', ...sbin].join(delimiter) }

function onPath(program: string): boolean {
  return (environment.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

async function inNamespace(namespace: string, ...command: string[]): Promise<string> {
  try {
    const { stdout } = await execute('ip', ['netns', 'exec', namespace, ...command], { env: environment, timeout: commandMsMax })
    return stdout
  } catch (thrown) {
    throw new Error(`${command.join(' ')} in ${namespace} failed: ${said(thrown)}`, { cause: thrown })
  }
}

/** Several orders to `ip` for the price of one process. */
async function batch(orders: readonly string[], namespace?: string): Promise<void> {
  const child = spawn('ip', [...(namespace === undefined ? [] : ['-n', namespace]), '-batch', '-'], { env: environment })
  const heard = hear(child)
  child.stdin.end(`${orders.join('\n')}\n`)
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`ip refused one of "${orders.join('", "')}": ${heard.text().trim()}`)
}

function said(thrown: unknown): string {
  const { stderr, message } = thrown as { stderr?: string | Buffer; message?: string }
  return stderr?.toString().trim() || (message ?? 'for a reason that nobody told')
}

function hear(child: ChildProcess): { text(): string } {
  let text = ''
  const keep = (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-10_000) // The last page of what a program said tells why it failed.
  }
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  return { text: () => text }
}

async function until(done: () => boolean, child: ChildProcess, heard: { text(): string }): Promise<void> {
  const deadline = Date.now() + commandMsMax
  while (!done()) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${child.spawnargs.join(' ')} ended: ${heard.text().trim()}`)
    if (Date.now() > deadline)
      throw new Error(`${child.spawnargs.join(' ')} did not begin within ${commandMsMax} ms: ${heard.text().trim()}`)
    await sleep(5)
  }
}
