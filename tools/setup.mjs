/**
 * Makes a fresh clone ready to run, and is quick when it already is: installs the packages of the lock file (among
 * them Node 24, as a package), builds the page, and with `--tests` gets what the tests need of the system.
 *
 * Runs on whichever Node the machine has, from 20 on, with nothing installed, so it is plain JavaScript and imports
 * only Node's own modules. It says everything on stderr: stdout belongs to the program that starts after it.
 */
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const inRoot = (...parts) => join(root, ...parts)
const stamps = inRoot('node_modules', '.cache', 'belay')
const pinnedNode = inRoot('node_modules', '.bin', 'node')
/** What the page is made of. */
const pageSources = ['apps/web', 'sdk/protocol', 'platform/base']
/** The holder touches its lock every second, so one that is this old belongs to a set-up that was killed. */
const lockStaleMs = 10_000

await main(process.argv.slice(2))

async function main(args) {
  refuseWhatCannotWork()
  const needed = () => [...(packagesAreStale() ? [installPackages] : []), ...(pageIsStale() ? [buildPage] : [])]
  if (needed().length > 0) {
    const release = await takeLock()
    try {
      // Another set-up may have done it while we waited; installing makes the page stale.
      for (let steps = needed(); steps.length > 0; steps = needed()) await steps[0]()
    } finally {
      release()
    }
  }
  if (args.includes('--tests')) await getWhatTestsNeed()
}

function refuseWhatCannotWork() {
  const major = Number(process.versions.node.split('.')[0])
  if (major < 20) fail(`Belay needs Node 20 or newer to set itself up; this is ${process.version}. See https://nodejs.org/en/download.`)
  for (const program of ['git', 'npm']) {
    if (!onPath(program)) fail(`Belay needs ${program}, and there is none on the PATH. Install ${program} and run this again.`)
  }
}

// --- Packages

function packagesAreStale() {
  if (!existsSync(pinnedNode)) return true
  const lock = hashOf([inRoot('package-lock.json')])
  if (stampIs('packages', lock)) return false
  if (!everyLockedPackageIsInstalled()) return true
  stamp('packages', lock) // Somebody ran `npm install` themselves.
  return false
}

/** npm's own record of what it put into node_modules is written last, after the install scripts. */
function everyLockedPackageIsInstalled() {
  const record = inRoot('node_modules', '.package-lock.json')
  if (!existsSync(record)) return false
  const wanted = JSON.parse(readFileSync(inRoot('package-lock.json'), 'utf8')).packages
  const present = JSON.parse(readFileSync(record, 'utf8')).packages
  return Object.entries(wanted).every(
    ([path, { version, optional, link }]) =>
      !path.startsWith('node_modules/') || (present[path] === undefined ? optional : link || present[path].version === version),
  )
}

async function installPackages() {
  unstamp('packages')
  const done = say('installing packages')
  // Silence is set in .npmrc; here npm has to say what went wrong. --engine-strict: packages want the Node that is being installed.
  const args = ['ci', '--loglevel=error', '--no-audit', '--no-fund', '--prefer-offline', '--engine-strict=false']
  const { code, said } = await run('npm', args, { env: { ...process.env, PATH: pathOutsideOfHere() } })
  if (code !== 0) fail(whyInstallingFailed(said))
  const version = spawnSync(pinnedNode, ['--version'], { encoding: 'utf8' }).stdout ?? ''
  if (!version.startsWith('v24.')) {
    fail(
      `node_modules/.bin/node should be Node 24 and is ${version.trim() || 'missing'}. Remove node_modules and run this again; npm must be allowed to run the install script of the package "node".`,
    )
  }
  stamp('packages', hashOf([inRoot('package-lock.json')]))
  done()
}

function whyInstallingFailed(said) {
  const network = /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT|ENOTCACHED)\b/.exec(said)
  if (network) return `The npm registry cannot be reached (${network[1]}). Check the network or the proxy settings and run this again.`
  return `npm ci failed:\n${said.trim()}`
}

/** npm must not run on the Node that it is about to replace. */
function pathOutsideOfHere() {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => !folder.includes('node_modules'))
    .join(delimiter)
}

// --- The page

function pageIsStale() {
  return (
    !existsSync(inRoot('apps', 'web', 'dist', 'index.html')) ||
    !stampIs('page', hashOf(pageSources.flatMap((folder) => sourcesIn(inRoot(folder)))))
  )
}

async function buildPage() {
  unstamp('page')
  const done = say('building the page')
  // Taken before the build: an edit during it must be built again.
  const sources = hashOf(pageSources.flatMap((folder) => sourcesIn(inRoot(folder))))
  const { code, said } = await run(pinnedNode, [
    inRoot('node_modules', 'vite', 'bin', 'vite.js'),
    'build',
    inRoot('apps', 'web'),
    '--logLevel',
    'warn',
  ])
  if (code !== 0) fail(`The page could not be built:\n${said.trim()}`)
  stamp('page', sources)
  done()
}

function sourcesIn(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.isDirectory()) return ['node_modules', 'dist'].includes(entry.name) ? [] : sourcesIn(join(folder, entry.name))
    return /\.test\.tsx?$/.test(entry.name) ? [] : [join(folder, entry.name)]
  })
}

// --- The system

async function getWhatTestsNeed() {
  const missing = [
    ...(hasPostgres() ? [] : ['postgresql']),
    ...(hasChromium() ? [] : ['chromium']),
    // For the recorder of calls; the packages that only hold the server, where there is one: nothing is started by them.
    ...(['redis-server', 'valkey-server'].some(onPath) ? [] : ['redis-server']),
    ...(['mariadbd', 'mysqld'].some(hasProgram) ? [] : ['mariadb-server-core']),
    // For networks of namespaces: hosts and links, loss on them, captures, and links with a delay.
    ...(hasProgram('ip') && hasProgram('tc') ? [] : ['iproute2']),
    ...(hasProgram('nft') ? [] : ['nftables']),
    ...(hasProgram('tcpdump') ? [] : ['tcpdump']),
    ...(hasProgram('perl') ? [] : ['perl']),
  ]
  if (missing.length === 0) return
  const debian = existsSync('/etc/debian_version') && onPath('apt-get')
  if (!debian || process.getuid() !== 0) {
    const how = debian ? `sudo apt-get install ${missing.join(' ')}` : `install ${missing.join(' and ')}`
    note(`some tests need what is not here and are skipped, by name: ${how}`)
    return
  }
  const done = say(`installing ${missing.join(' and ')} (apt-get)`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const update = await run('apt-get', ['update', '-q'], { env })
  const install = await run('apt-get', ['install', '-qy', '--no-install-recommends', ...missing], { env })
  if (install.code !== 0)
    fail(`apt-get could not install ${missing.join(' and ')}:\n${(update.code === 0 ? '' : update.said) + install.said}`)
  done()
}

function hasPostgres() {
  return process.env.BELAY_TEST_POSTGRES !== undefined || existsSync('/usr/lib/postgresql') || (onPath('initdb') && onPath('postgres'))
}

function hasChromium() {
  return ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'].some(onPath)
}

// --- One at a time

/** Two set-ups at once would remove each other's node_modules. */
async function takeLock() {
  const lock = inRoot('.cache', 'setup.lock')
  mkdirSync(dirname(lock), { recursive: true })
  for (let waited = false; ; waited = true) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' })
      const beat = setInterval(() => existsSync(lock) && utimesSync(lock, new Date(), new Date()), 1000)
      const release = () => {
        clearInterval(beat)
        rmSync(lock, { force: true })
      }
      process.once('exit', release)
      return release
    } catch (thrown) {
      if (thrown.code !== 'EEXIST') throw thrown
    }
    if (isStale(lock)) {
      rmSync(lock, { force: true })
      continue
    }
    if (!waited) note('another set-up is at work here; waiting for it')
    await new Promise((resolve) => setTimeout(resolve, 200 + Math.random() * 100))
  }
}

function isStale(lock) {
  try {
    return Date.now() - statSync(lock).mtimeMs > lockStaleMs
  } catch {
    return false // Released between the two looks.
  }
}

// --- Small things

function stampIs(name, value) {
  const file = join(stamps, name)
  return existsSync(file) && readFileSync(file, 'utf8') === value
}

function stamp(name, value) {
  mkdirSync(stamps, { recursive: true })
  writeFileSync(join(stamps, name), value)
}

/** Before the work begins, so that what is interrupted is done again. */
function unstamp(name) {
  rmSync(join(stamps, name), { force: true })
}

function hashOf(files) {
  const hash = createHash('sha256')
  for (const file of files.toSorted())
    hash
      .update(`${file.slice(root.length)}\0`)
      .update(readFileSync(file))
      .update('\0')
  return hash.digest('hex')
}

function onPath(program) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** Also where an ordinary user's path does not look. */
function hasProgram(program) {
  return onPath(program) || existsSync(join('/usr/sbin', program))
}

/** Never throws: a program that cannot be started has failed, with the reason as what it said. */
function run(program, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], ...options })
    // npm must not go on in a folder that the next set-up takes for its own.
    const stop = () => {
      child.kill()
      process.exit(1)
    }
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, stop)
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk))
    child.once('error', (error) => resolve({ code: 1, said: error.message }))
    child.once('close', (code) => resolve({ code, said }))
  })
}

function note(text) {
  process.stderr.write(`set-up: ${text}\n`)
}

function say(text) {
  const startMs = Date.now()
  note(`${text} …`)
  return () => note(`${text}: done in ${((Date.now() - startMs) / 1000).toFixed(1)} s`)
}

function fail(text) {
  note(text)
  process.exit(1)
}
