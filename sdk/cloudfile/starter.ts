/**
 * The first `belay.yaml` of a repository: looks at what is there and writes a commented file that is valid as it
 * stands. Pure: the files come in as text.
 */

export type FoundRepository = {
  /** The folder's name; the cloud is named after it unless `cloud` says otherwise. */
  readonly folder: string
  readonly cloud?: string | undefined
  /**
   * Paths relative to the repository's root, with `/`. The content may be left empty for files that only count by
   * being there (lock files, migrations).
   */
  readonly files: ReadonlyMap<string, string>
}
export type StarterService = {
  readonly name: string
  readonly path: string
  readonly build: string | undefined
  readonly run: string
  readonly port: number | undefined
  readonly health: string | undefined
  /** Why Belay thinks that this is a service; stands beside it as a comment. */
  readonly because: string
}

/** More than this in one repository and guesses do more harm than a blank page. */
const servicesMax = 12

/** A commented `belay.yaml` that `readCloudFile` accepts, whatever was found. */
export function starterCloudFile(found: FoundRepository): string {
  const services = servicesIn(found)
  const names = services.map(({ name }) => name)
  const migrations = migrationsIn(found.files)
  const list = `[${names.join(', ')}]`
  return [
    '# yaml-language-server: $schema=./belay.schema.json',
    '# What Belay knows of your cloud. Check it with: belay check',
    `cloud: ${nameFrom(found.cloud ?? found.folder) ?? 'cloud'}`,
    '',
    '# A service is what is built, started and restarted as one. It is given PORT, BELAY_DATA (a folder that outlives',
    '# releases) and, for each other service, BELAY_ADDRESSES_<SERVICE>.',
    'services:',
    ...services.flatMap((service) => serviceLines(service, service === services.find(({ port }) => port !== undefined))),
    '',
    '# An environment is a set of hosts. A service runs on every host that has its name as a role.',
    'environments:',
    noted('  private:', 'for whoever develops: belay up'),
    '    kind: private',
    '    hosts:',
    `      box: { roles: ${list} }`,
    noted('  qa:', 'rehearsals run here, from the release that production has: belay rehearse RELEASE'),
    '    kind: qa',
    '    hosts:',
    `      qa1: { roles: ${list} }`,
    `    # tests: { run: npm test, on: ${names[0]}, within: 10m }   # tries the deployed release at a rehearsal's end`,
    '  production:',
    '    kind: production',
    noted('    # approval: second-person', 'somebody else must approve the plan'),
    '    hosts:',
    `      p1: { roles: ${list} }`,
    `      p2: { roles: ${list} }`,
    '',
    '# The steps of a deployment, the same in every environment, in this order.',
    'deploy:',
    noted('  - step: install', 'unpack the new release beside the present one'),
    `    on: ${list}`,
    ...migrationLines(migrations, names[0] ?? 'app'),
    ...restartLines(services),
    '',
    '# What each call of your API costs, and which release changed it: docs/guide/calls.md. A Node service needs one line',
    '# (record: true, above); these name calls, sort them, and limit them in rehearsals.',
    '# calls:',
    '#   account: header.x-account',
    '#   audiences:',
    '#     - robot: { var: robot }',
    '#     - staff: { ends_with: [{ var: account }, "@example.com"] }',
    '#   budgets:',
    '#     GET /items/:id: { cpu: 10ms, statements: 3 }',
    '',
  ].join('\n')
}

/** Comments stand in one column where the lines are short enough. */
const noted = (line: string, note: string): string => `${line.padEnd(27)} # ${note}`

/** What the repository seems to run, most certain source first: Procfile, workspaces with a start script, the root. */
export function servicesIn(found: FoundRepository): readonly StarterService[] {
  const { files } = found
  const sources = [fromProcfile(files), fromFolders(found), fromRoot(found)]
  const services = sources.find((it) => it.length > 0) ?? []
  if (services.length > 0) return unique(services).slice(0, servicesMax)
  return [
    {
      name: 'web',
      path: '.',
      build: undefined,
      run: 'node server.js',
      port: 3_000,
      health: undefined,
      because: 'a guess: nothing here says how it is started, so write your own command',
    },
  ]
}

function serviceLines({ name, path, build, run, port, health, because }: StarterService, opens: boolean): string[] {
  const listening =
    port === undefined
      ? [noted('    # port: 3000', 'if it listens; it is given to it as PORT')]
      : [
          noted(`    port: ${port}`, 'given to it as PORT; on this machine a free one is chosen for each host'),
          health === undefined
            ? noted('    # health: /healthz', 'a path that answers 2xx when it is well')
            : `    health: ${quote(health)}`,
          ...(opens ? [noted('    open: true', 'a person may open it in a browser; the page links to it')] : []),
        ]
  return [
    noted(`  ${name}:`, because),
    ...(path === '.' ? [] : [`    path: ${quote(path)}`]),
    ...(build === undefined ? [] : [`    build: ${quote(build)}`]),
    `    run: ${quote(run)}`,
    ...listening,
    ...(port !== undefined && isNode(run) ? [noted('    # record: true', 'what each call of its API costs: belay calls top')] : []),
  ]
}

/** The recorder is for Node; elsewhere OpenTelemetry tells of calls. */
const isNode = (run: string): boolean => /^(node|npm|npx) /.test(run)

function restartLines(services: readonly StarterService[]): string[] {
  const listening = services.filter(({ port }) => port !== undefined)
  const silent = services.filter(({ port }) => port === undefined)
  const check = listening.length > 0 && listening.every(({ health }) => health !== undefined && health === listening[0]?.health)
  return [
    ...(listening.length === 0
      ? []
      : [
          '  - step: restart',
          `    on: [${listening.map(({ name }) => name).join(', ')}]`,
          noted('    batch: 1', 'rolling: one host at a time'),
          check
            ? `    check: { http: ${listening[0]?.health}, within: 30s }`
            : '    check: { tcp: true, within: 30s }   # better: { http: /healthz }',
        ]),
    ...(silent.length === 0 ? [] : ['  - step: restart', `    on: [${silent.map(({ name }) => name).join(', ')}]`, '    batch: 1']),
  ]
}

function migrationLines(folder: string | undefined, role: string): string[] {
  if (folder === undefined) return []
  return [
    `  # ${folder} holds migrations. Write the command that runs them, and its undo:`,
    '  # - step: migrate',
    `  #   on: ${role}`,
    '  #   once: true',
    '  #   run: npm run migrate',
    '  #   undo: npm run migrate:down',
    '  #   changes: database',
    `  #   watch: [${folder}]`,
  ]
}

function fromProcfile(files: ReadonlyMap<string, string>): StarterService[] {
  const build = nodeBuild(files, '')
  return (files.get('Procfile') ?? '').split('\n').flatMap((line) => {
    const [, type, command] = /^([A-Za-z0-9_-]+):\s*(\S.*)$/.exec(line) ?? []
    const name = type === undefined ? undefined : nameFrom(type)
    // `release` is Heroku's word for a task before the start, not a process.
    if (name === undefined || command === undefined || type === 'release') return []
    const port = name === 'web' ? (portIn(command) ?? 3_000) : undefined
    return [{ name, path: '.', build, run: command.trim(), port, health: undefined, because: 'from Procfile' }]
  })
}

/** Folders such as `apps/web` that can be started by themselves. */
function fromFolders(found: FoundRepository): StarterService[] {
  const folders = [...found.files.keys()].flatMap((path) => /^((?:apps|services|packages)\/[^/]+)\/[^/]+$/.exec(path)?.[1] ?? [])
  return [...new Set(folders)].flatMap((folder) => serviceAt(found, `${folder}/`, folder.split('/').at(-1) ?? folder))
}

function fromRoot(found: FoundRepository): StarterService[] {
  return serviceAt(found, '', packageAt(found.files, '')?.name ?? found.folder)
}

function serviceAt({ files }: FoundRepository, prefix: string, fallback: string): StarterService[] {
  const path = prefix === '' ? '.' : prefix.slice(0, -1)
  const name = nameFrom(fallback) ?? 'app'
  const has = (file: string): boolean => files.has(`${prefix}${file}`)
  const read = (file: string): string => files.get(`${prefix}${file}`) ?? ''
  const docker = read('Dockerfile')
  const node = packageAt(files, prefix)
  if (node?.start !== undefined) {
    const entry = /^node\s+(?:-\S+\s+)*(\S+)/.exec(node.start)?.[1]
    const source = entry === undefined ? '' : read(entry.replace(/^\.\//, ''))
    return [
      {
        name,
        path,
        build: nodeBuild(files, prefix),
        // `node x.js` gets its signals directly; anything else may need the folder of tools that npm puts on the path.
        run: entry === undefined || /[&|;]/.test(node.start) ? 'npm start' : node.start,
        port: portIn(docker) ?? portIn(node.start) ?? portIn(source) ?? 3_000,
        health: healthIn(source),
        because: `from ${prefix}package.json: scripts.start`,
      },
    ]
  }
  const port = portIn(docker) ?? 8_080
  const shape = (because: string, build: string | undefined, run: string): StarterService[] => [
    { name, path, build, run, port, health: undefined, because: `from ${prefix}${because}` },
  ]
  if (has('go.mod')) return shape('go.mod', 'go build -o ./service .', './service')
  const crate = /^name\s*=\s*"([^"]+)"/m.exec(read('Cargo.toml'))?.[1]
  if (has('Cargo.toml')) return shape('Cargo.toml', 'cargo build --release', `./target/release/${crate ?? name}`)
  if (has('manage.py')) {
    return shape('manage.py', pythonBuild, '.venv/bin/python manage.py runserver --noreload 127.0.0.1:$PORT')
  }
  const python = ['main.py', 'app.py', 'server.py'].find(has)
  if (python !== undefined) {
    return has('requirements.txt')
      ? shape(python, pythonBuild, `.venv/bin/python ${python}`)
      : shape(python, undefined, `python3 ${python}`)
  }
  const command = commandIn(docker)
  return command === undefined ? [] : shape('Dockerfile', undefined, command)
}

const pythonBuild = 'python3 -m venv .venv && .venv/bin/pip install -r requirements.txt'

type Package = { readonly name: string | undefined; readonly start: string | undefined; readonly build: boolean; readonly needs: boolean }
function packageAt(files: ReadonlyMap<string, string>, prefix: string): Package | undefined {
  const text = files.get(`${prefix}package.json`)
  if (text === undefined) return undefined
  try {
    const it = JSON.parse(text) as { name?: unknown; scripts?: Record<string, unknown>; dependencies?: Record<string, unknown> } | null
    const start = it?.scripts?.start
    return {
      name: typeof it?.name === 'string' ? it.name.split('/').at(-1) : undefined,
      start: typeof start === 'string' && start.trim() !== '' ? start.trim() : undefined,
      build: typeof it?.scripts?.build === 'string',
      needs: Object.keys(it?.dependencies ?? {}).length > 0,
    }
  } catch {
    // A package.json that is no JSON says nothing; npm itself will complain about it.
    return undefined
  }
}

function nodeBuild(files: ReadonlyMap<string, string>, prefix: string): string | undefined {
  const it = packageAt(files, prefix)
  if (it === undefined) return undefined
  const install = files.has(`${prefix}package-lock.json`) ? 'npm ci' : 'npm install'
  if (it.build) return `${install} && npm run build && npm prune --omit=dev`
  // Nothing to install, nothing to wait for.
  return it.needs ? `${install} --omit=dev` : undefined
}

/** `EXPOSE 4000`, `--port 4000`, `PORT || 4000`, `PORT ?? '4000'`, `listen(4000`. */
function portIn(text: string): number | undefined {
  const match = /EXPOSE\s+(\d+)|--port[ =](\d+)|PORT\s*(?:\|\||\?\?)\s*['"]?(\d+)|listen\(\s*(\d+)/.exec(text)
  const port = Number(match?.slice(1).find((it) => it !== undefined))
  return port >= 1 && port <= 65_535 ? port : undefined
}

const healthIn = (source: string): string | undefined => /['"`](\/(?:healthz?|readyz?|livez|status|ping))['"`]/.exec(source)?.[1]

/** The CMD of a Dockerfile, as a shell command. */
function commandIn(dockerfile: string): string | undefined {
  const last = [...dockerfile.matchAll(/^CMD\s+(.+)$/gm)].at(-1)?.[1]?.trim()
  if (last === undefined || !last.startsWith('[')) return last
  try {
    const words = JSON.parse(last) as unknown
    return Array.isArray(words) && words.length > 0 ? words.map(String).join(' ') : undefined
  } catch {
    return undefined
  }
}

function migrationsIn(files: ReadonlyMap<string, string>): string | undefined {
  const folders = [...files.keys()].flatMap((path) => /^((?:[^/]+\/)*migrations)\//.exec(path)?.[1] ?? [])
  return folders[0]
}

/** Letters, digits and dashes of any text, as the schema's names want them. */
function nameFrom(text: string): string | undefined {
  const name = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '')
    .slice(0, 32)
    .replace(/-+$/, '')
  return name === '' ? undefined : name
}

function unique(services: readonly StarterService[]): StarterService[] {
  return [...new Map(services.map((it) => [it.name, it])).values()]
}

/** Plain where YAML reads it back as the same text, else in single quotes. */
function quote(text: string): string {
  const plain = /^[A-Za-z./][^\n\t:#'"`{}[\],&*!|>%@]*$/.test(text) && text === text.trim()
  const keyword = ['true', 'false', 'null'].includes(text.toLowerCase())
  return plain && !keyword ? text : `'${text.replaceAll("'", "''").replaceAll('\n', ' ')}'`
}
