/**
 * `npm run bench` lists the benches, `npm run bench -- NAME [--json] [--record] [--quick] [--rounds N]` runs one. A bench is a
 * file of this folder that exports `about` and `rows` (see measure.ts). stdout has the table or, with `--json`, one
 * JSON document; what is going on is told on stderr. Ends with 1 when a goal was missed, with 2 when it was asked for
 * something that there is not.
 */
import { appendFileSync, existsSync, readdirSync } from 'node:fs'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { sayBytes } from '@belay/base'
import type { Bench, Row } from './measure.ts'

const folder = import.meta.dirname
const notBenches = ['run.ts', 'measure.ts', 'server.ts']
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !notBenches.includes(file))
  .map((file) => file.slice(0, -'.ts'.length))
  .sort()

type Result = {
  readonly bench: string
  readonly at: string
  readonly machine: { readonly cpu: string; readonly cores: number; readonly memory: string; readonly node: string }
  readonly rows: readonly Row[]
}

await main()

async function main(): Promise<void> {
  const { values, positionals } = readArguments()
  const [name] = positionals
  if (name === undefined) return list(values.json)
  if (!names.includes(name)) return refuse(`There is no bench ${name}. There are: ${names.join(', ')}.`)
  const rounds = Number(values.rounds)
  if (!Number.isInteger(rounds) || rounds < 1) return refuse(`--rounds takes a whole number from 1 on; got ${values.rounds}.`)

  const { rows } = await load(name)
  const result: Result = {
    bench: name,
    at: new Date().toISOString(),
    machine: { cpu: cpus()[0]?.model ?? 'unknown', cores: availableParallelism(), memory: sayBytes(totalmem()), node: process.version },
    rows: await rows({ rounds, quick: values.quick, note: (text) => process.stderr.write(`${name}: ${text}\n`) }),
  }
  process.stdout.write(values.json ? `${JSON.stringify(result, null, 2)}\n` : `${table(result.rows)}\n`)
  if (values.record) record(result)
  if (result.rows.some((row) => row.met === false)) process.exitCode = 1
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        json: { type: 'boolean', default: false },
        record: { type: 'boolean', default: false },
        quick: { type: 'boolean', default: false },
        rounds: { type: 'string', default: '5' },
      },
    })
  } catch (thrown) {
    refuse(thrown instanceof Error ? thrown.message : String(thrown))
    process.exit()
  }
}

function refuse(sentence: string): void {
  process.stderr.write(`${sentence}\n`)
  process.exitCode = 2
}

async function load(name: string): Promise<Bench> {
  return (await import(join(folder, `${name}.ts`))) as Bench
}

async function list(json: boolean): Promise<void> {
  const benches = await Promise.all(names.map(async (name) => ({ name, about: (await load(name)).about })))
  if (json) process.stdout.write(`${JSON.stringify(benches, null, 2)}\n`)
  else for (const { name, about } of benches) process.stdout.write(`${name.padEnd(12)}  ${about}\n`)
}

/** Markdown, so that it reads the same in a terminal and in RESULTS.md. */
function table(rows: readonly Row[]): string {
  const cells = rows.map((row) => [
    row.name,
    `${figure(row.ours)} ${row.unit}`,
    row.peer === null ? '' : `${figure(row.peer)} ${row.unit} (${row.peerName})`,
    row.ratio === null ? '' : row.ratio.toFixed(2),
    row.goal ?? '',
    row.met === null ? '' : row.met ? 'met' : 'MISSED',
  ])
  const lines = [['', 'ours', 'peer', 'ratio', 'goal', ''], ...cells]
  const widths = (lines[0] as string[]).map((_, column) => Math.max(3, ...lines.map((line) => (line[column] as string).length)))
  const format = (line: readonly string[]) => `| ${line.map((cell, column) => cell.padEnd(widths[column] as number)).join(' | ')} |`
  const [head, ...body] = lines.map(format)
  return [head, `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...body].join('\n')
}

/** Three significant digits: more would claim what a shared machine cannot keep. */
function figure(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)))
}

function record({ bench, at, machine, rows }: Result): void {
  const file = join(folder, 'RESULTS.md')
  const head = existsSync(file) ? '' : '# Results\n\nAppended by `npm run bench -- NAME --record`, newest last.\n'
  const where = `${machine.cpu}, ${machine.cores} cores, ${machine.memory} memory, Node ${machine.node}`
  appendFileSync(file, `${head}\n## ${bench}, ${at.slice(0, 10)}\n\n${where}\n\n${table(rows)}\n`)
  process.stderr.write(`recorded in bench/RESULTS.md\n`)
}
