import { seededRandom } from '@belay/base'
import { expect, test } from 'vitest'
import { exampleCloudFile } from './example.ts'
import { formatProblem, readCloudFile } from './read.ts'

type Mutation = (lines: string[], pick: (below: number) => number) => string[]
const at = (lines: string[], index: number, change: (line: string) => string): string[] => lines.with(index, change(lines[index] ?? ''))
const wrongValues = [
  '[]',
  '{}',
  '12',
  '-1',
  'null',
  '~',
  'true',
  '1e999',
  '.nan',
  '2026-11-22',
  '""',
  '!!binary x',
  '"\\u0000"',
  '9'.repeat(400),
  'x'.repeat(5_000),
]

const mutations: Readonly<Record<string, Mutation>> = {
  'delete a line': (lines, pick) => lines.toSpliced(pick(lines.length), 1),
  'delete a block': (lines, pick) => lines.toSpliced(pick(lines.length), 1 + pick(12)),
  'repeat a line': (lines, pick) => {
    const index = pick(lines.length)
    return lines.toSpliced(index, 0, lines[index] ?? '')
  },
  'rename a key': (lines, pick) =>
    at(lines, pick(lines.length), (line) => line.replace(/([a-z]+)(?=:)/, (key) => `${key.slice(1)}${key[0]}`)),
  'retype a value': (lines, pick) =>
    at(lines, pick(lines.length), (line) => line.replace(/: .*$/, `: ${wrongValues[pick(wrongValues.length)]}`)),
  indent: (lines, pick) => at(lines, pick(lines.length), (line) => `${' '.repeat(1 + pick(5))}${line}`),
  outdent: (lines, pick) => at(lines, pick(lines.length), (line) => line.replace(/^ {1,3}/, '')),
  'put a tab': (lines, pick) => at(lines, pick(lines.length), (line) => line.replace(/^ */, '\t')),
  'cut the file': (lines, pick) => [...lines.slice(0, pick(lines.length)), (lines[pick(lines.length)] ?? '').slice(0, pick(20))],
  'change a character': (lines, pick) =>
    at(lines, pick(lines.length), (line) => {
      const index = pick(line.length + 1)
      return `${line.slice(0, index)}${'{}[]:#&*!|>\'"%@`,-?\t\u0000é\u2028'[pick(23)] ?? ''}${line.slice(index + 1)}`
    }),
  'add an alias': (lines, pick) => at(lines, pick(lines.length), (line) => line.replace(/: .*$/, ': *nobody')),
  'add an anchor to itself': (lines, pick) => at(lines, pick(lines.length), (line) => line.replace(/: .*$/, ': &me [*me, { x: *me }]')),
  'add a bomb': (lines) => [
    ...lines,
    'b0: &b0 [1,1,1]',
    ...Array.from({ length: 12 }, (_, n) => `b${n + 1}: &b${n + 1} [${`*b${n},`.repeat(9)}]`),
  ],
  'swap two lines': (lines, pick) => {
    const [one, two] = [pick(lines.length), pick(lines.length)]
    return lines.with(one, lines[two] ?? '').with(two, lines[one] ?? '')
  },
}

test('a hundred mangled files each give problems at a real place, or are truly good', () => {
  const seed = Number(process.env.BELAY_SEED ?? 20_261_122)
  const random = seededRandom(seed)
  const pick = (below: number): number => Math.floor(random() * below)
  const names = Object.keys(mutations)
  let refused = 0
  for (let round = 0; round < 100; round++) {
    const name = names[round % names.length] ?? ''
    const text = (mutations[name] as Mutation)(exampleCloudFile.split('\n'), pick).join('\n')
    const story = `round ${round}, ${name}; rerun with BELAY_SEED=${seed}\n${text.slice(0, 4_000)}`
    const { file, problems } = readCloudFile(text, 'belay.yaml')
    if (file !== undefined) {
      expect(problems, story).toEqual([])
      expect(Object.keys(file.services).length, story).toBeGreaterThan(0)
      continue
    }
    refused++
    expect(problems.length, story).toBeGreaterThan(0)
    const lines = text.split(/\r\n|\n|\r/)
    for (const problem of problems) {
      const line = lines[problem.line - 1]
      expect(line, `${formatProblem(problem)}: ${story}`).toBeDefined()
      expect(problem.column, `${formatProblem(problem)}: ${story}`).toBeLessThanOrEqual((line ?? '').length + 1)
      expect(problem.message, story).not.toMatch(/undefined|\[object|Invalid input/)
    }
  }
  // Swapped or repeated comment lines are harmless; most of the rest is not.
  expect(refused).toBeGreaterThan(70)
})
