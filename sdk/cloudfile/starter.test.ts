import { describe, expect, test } from 'vitest'
import { formatProblem, readCloudFile } from './read.ts'
import { type FoundRepository, servicesIn, starterCloudFile } from './starter.ts'

const repository = (files: Record<string, string>, folder = 'my-shop'): FoundRepository => ({
  folder,
  files: new Map(Object.entries(files)),
})
const packageJson = (scripts: Record<string, string>, name = 'shop'): string => JSON.stringify({ name, scripts, dependencies: { x: '1' } })

const repositories: readonly [story: string, files: Record<string, string>, expected: readonly Record<string, unknown>[]][] = [
  [
    'a Node service with a start script',
    {
      'package.json': packageJson({ start: 'node src/server.js' }),
      'package-lock.json': '',
      'src/server.js': "listen(process.env.PORT ?? 4100); '/healthz'",
    },
    [{ name: 'shop', path: '.', build: 'npm ci --omit=dev', run: 'node src/server.js', port: 4_100, health: '/healthz' }],
  ],
  [
    'a program of npm with its own port',
    { 'package.json': packageJson({ start: 'verdaccio --config config.yaml --listen 4873', build: 'tsc' }) },
    [{ name: 'shop', build: 'npm install && npm run build && npm prune --omit=dev', run: 'npm start', port: 3_000 }],
  ],
  [
    'a Procfile goes before everything else',
    {
      Procfile: 'release: rake db:migrate\nweb: bundle exec puma\nClock_1: ruby clock.rb\n',
      'package.json': packageJson({ start: 'node x' }),
    },
    [
      { name: 'web', run: 'bundle exec puma', port: 3_000 },
      { name: 'clock-1', run: 'ruby clock.rb', port: undefined },
    ],
  ],
  [
    'workspaces are services where they can be started',
    {
      'package.json': '{}',
      'apps/web/package.json': packageJson({ start: 'vite preview --port 5000' }),
      'apps/api/package.json': packageJson({ start: 'node .' }),
      'packages/lib/package.json': packageJson({ test: 'x' }),
    },
    [
      { name: 'web', path: 'apps/web', port: 5_000 },
      { name: 'api', path: 'apps/api', run: 'node .' },
    ],
  ],
  [
    'a Dockerfile tells command and port',
    { Dockerfile: 'FROM debian\nEXPOSE 9000\nCMD ["./serve", "--fast"]\n' },
    [{ name: 'my-shop', run: './serve --fast', port: 9_000 }],
  ],
  ['a Go module', { 'go.mod': 'module x', 'main.go': '' }, [{ name: 'my-shop', build: 'go build -o ./service .', run: './service' }]],
  ['a Python program', { 'app.py': '', 'requirements.txt': '' }, [{ run: '.venv/bin/python app.py' }]],
  ['a crate', { 'Cargo.toml': '[package]\nname = "ferris"\n' }, [{ run: './target/release/ferris' }]],
  ['a broken package.json says nothing', { 'package.json': '{ "scripts": ' }, [{ name: 'web', run: 'node server.js' }]],
  ['an empty repository', {}, [{ name: 'web' }]],
]

describe('the first belay.yaml fits the repository', () => {
  test.each(repositories)('%s', (_, files, expected) => {
    expect(servicesIn(repository(files))).toMatchObject(expected)
  })

  test.each(repositories)('and passes belay check as it stands: %s', (_, files) => {
    const text = starterCloudFile(repository({ ...files, 'db/migrations/001.sql': '' }))
    expect(readCloudFile(text, 'belay.yaml').problems.map(formatProblem)).toEqual([])
    expect(text).toContain('db/migrations holds migrations')
  })

  test.each(['123 Über-Shop!!', '___', 'x'.repeat(200), 'a'.repeat(31) + '-b'])('a folder named %s still gives a good name', (folder) => {
    expect(readCloudFile(starterCloudFile(repository({}, folder)), 'belay.yaml').problems).toEqual([])
  })

  test('what is commented out is good too, once it is not', () => {
    const text = starterCloudFile(repository({ 'package.json': packageJson({ start: 'node server.js' }) }))
    const woken = text
      .replace('    # record: true', '    record: true')
      .replace(/^# (?=calls:)/m, '')
      .replace(/^#(?= {3})/gm, ' ')
    const { file, problems } = readCloudFile(woken, 'belay.yaml')
    expect(problems.map(formatProblem)).toEqual([])
    expect(file).toMatchObject({ services: { shop: { record: true } }, calls: { budgets: { 'GET /items/:id': { cpu: 10 } } } })
    expect(starterCloudFile(repository({ 'go.mod': 'module x' }))).not.toContain('record: true       ')
  })

  test('a command with every sign of YAML survives', () => {
    const run = `sh -c 'echo "a: b" # {x} [y] & *z'`
    const text = starterCloudFile(repository({ Procfile: `web: ${run}` }))
    expect(readCloudFile(text, 'belay.yaml').file?.services.web?.run).toBe(run)
  })
})
