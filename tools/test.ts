/**
 * `npm test`: the checks of the house, then all tests. Says what it is doing while it goes, counts each check as a
 * test, and ends with the line `N passed, N failed` (`, N skipped`). Arguments are parts of check names or of test
 * files' paths: `npm test -- ledger`, `npm test -- lint`.
 *
 * Outside CI a test may be skipped because the machine lacks something; in CI (`CI=true`) that is a failure, because
 * nobody would notice.
 */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { styleText } from 'node:util'
import { checks } from './checks.ts'

/** The part of vitest's JSON report that is read here. */
type Report = {
  readonly success: boolean
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly message: string
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[]
  }[]
}

const root = join(import.meta.dirname, '..')
const inCI = /^(1|true)$/i.test(process.env['CI'] ?? '')
const tally = { passed: 0, failed: [] as string[], skipped: [] as string[] }

// Whoever stopped reading (`npm test | head`) wants no more.
process.stdout.on('error', () => process.exit(1))

const filters = process.argv.slice(2)
const wanted = checks.filter((check) => filters.length === 0 || filters.some((filter) => check.name.includes(filter)))
/** A filter that names a check is about that check alone. */
const testFilters = filters.filter((filter) => !checks.some((check) => check.name.includes(filter)))

await runChecks()
if (filters.length === 0 || testFilters.length > 0) await runTests()
conclude()

async function runChecks(): Promise<void> {
  const queue = [...wanted]
  const worker = async () => {
    for (let check = queue.shift(); check !== undefined; check = queue.shift()) {
      const startMs = performance.now()
      const { ok, text } = await check.run(root)
      const seconds = ((performance.now() - startMs) / 1000).toFixed(1)
      if (ok) tally.passed++
      else tally.failed.push(`check of ${check.name}: ${check.about}`)
      process.stdout.write(`${ok ? styleText('green', '✓') : styleText('red', '✗')} ${check.name}: ${check.about} (${seconds} s)\n`)
      if (!ok) process.stdout.write(`${text}\n\n`)
    }
  }
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), 4) }, worker))
}

async function runTests(): Promise<void> {
  const report = join(root, 'dist', 'tests.json')
  rmSync(report, { force: true })
  const args = [
    join(root, 'node_modules', 'vitest', 'vitest.mjs'),
    'run',
    ...testFilters,
    '--reporter=default',
    '--reporter=json',
    '--reporter=junit',
    `--outputFile.json=${report}`,
    `--outputFile.junit=${join(root, 'dist', 'tests.xml')}`,
  ]
  const code = await new Promise<number | null>((resolve) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: 'inherit' })
    // Ctrl-C reaches the child too, which tidies and ends; its end is ours.
    process.on('SIGINT', () => {})
    child.once('error', () => resolve(1))
    child.once('close', resolve)
  })
  if (!existsSync(report)) {
    tally.failed.push(code === 0 ? 'vitest left no report' : `vitest ended with ${code} and left no report`)
    return
  }
  const failedBefore = tally.failed.length
  count(JSON.parse(readFileSync(report, 'utf8')) as Report)
  if (code !== 0 && tally.failed.length === failedBefore) tally.failed.push('vitest: something failed outside of any test, see above')
}

function count(report: Report): void {
  for (const file of report.testResults) {
    const path = file.name.slice(root.length + 1)
    for (const test of file.assertionResults) {
      if (test.status === 'passed') tally.passed++
      else if (test.status === 'failed') tally.failed.push(`${path}: ${test.fullName}`)
      else tally.skipped.push(`${path}: ${test.fullName}`)
    }
    // A file that could not even be loaded has no tests to blame.
    if (file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed')) {
      tally.failed.push(`${path}: ${file.message.split('\n')[0]}`)
    }
  }
}

function conclude(): void {
  if (tally.skipped.length > 0) {
    process.stdout.write(`\nSkipped${inCI ? ', which in CI is a failure' : ''}:\n${tally.skipped.map((name) => `  ${name}\n`).join('')}`)
    if (inCI) tally.failed.push(...tally.skipped.splice(0))
  }
  if (tally.failed.length > 0) process.stdout.write(`\nFailed:\n${tally.failed.map((name) => `  ${name}\n`).join('')}`)
  if (tally.passed + tally.failed.length === 0) tally.failed.push('nothing was run')
  const skipped = tally.skipped.length > 0 ? `, ${tally.skipped.length} skipped` : ''
  process.stdout.write(`\n${tally.passed} passed, ${tally.failed.length} failed${skipped}\n`)
  process.exitCode = tally.failed.length === 0 ? 0 : 1
}
