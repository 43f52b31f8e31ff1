/**
 * The rule of a flag as one list. A flag's rule is nearly always an `if` of a few tests with a variant or a share for
 * each, and what evaluating it costs among thousands of flags is fetching it from memory: hence one list instead of
 * dozens of closures, and outcomes in it instead of names of variants. What is no such rule is a closure in the list.
 *
 * Four cells make a line: what to do, two operands, and an outcome, which is an evaluation, or another list.
 */
import { bucketOfHash } from './bucket.ts'
import { operationOf } from './compile.ts'
import type { Compiler, HashOf, Node, Run, Share } from './node.ts'
import { choiceOf } from './operators/choice.ts'
import type { State } from './state.ts'
import { holds, type TestKind, testKinds } from './tests.ts'
import type { Evaluation, JsonLogic } from './types.ts'
import { isTruthy } from './values.ts'

export type Program = readonly unknown[]

/** Whose rule it is: makes an outcome of what a rule says. */
export type Sayer = { say(said: unknown): Evaluation }

/** Lower numbers are tests of an attribute, see tests.ts: number of the attribute, what it is against, outcome if it holds. */
const lastTest = Math.max(...Object.values(testKinds))
/** A test, outcome if it is true. */
const ask = lastTest + 1
/** The outcome. */
const done = lastTest + 2
/** A rule that says what the outcome is. */
const run = lastTest + 3
/** Total, hash, nothing; after it, for each entry, its end and its outcome. */
const share = lastTest + 4

export function compileProgram(rule: JsonLogic, compiler: Compiler, sayer: Sayer): Program {
  const cells: unknown[] = []
  append(cells, rule, compiler, sayer)
  return cells
}

function append(cells: unknown[], rule: JsonLogic, compiler: Compiler, sayer: Sayer): void {
  const operation = operationOf(rule)
  if (operation?.name !== 'if' && operation?.name !== '?:') return appendNode(cells, compiler.compile(rule), sayer)
  const { branches, otherwise } = choiceOf(operation.args, compiler)
  for (const { test, outcome } of branches) appendTest(cells, test, outcomeOf(outcome, compiler, sayer))
  append(cells, otherwise, compiler, sayer)
}

function appendNode(cells: unknown[], node: Node, sayer: Sayer): void {
  if (node.constant) cells.push(done, undefined, undefined, sayer.say(node.value))
  else if (node.share !== undefined) appendShare(cells, node.share, sayer)
  else cells.push(run, node.run, undefined, undefined)
}

function appendTest(cells: unknown[], { test, attribute, run: asked }: Node, outcome: unknown): void {
  if (test !== undefined) cells.push(test.kind, test.attribute, test.against, outcome)
  else if (attribute !== undefined) cells.push(testKinds.isTrue, attribute, undefined, outcome)
  else cells.push(ask, asked, undefined, outcome)
}

function appendShare(cells: unknown[], { total, hashOf, entries }: Share, sayer: Sayer): void {
  cells.push(share, total, hashOf, undefined)
  for (const { end, variant } of entries)
    cells.push(end, variant.constant ? sayer.say(variant.value) : [run, variant.run, undefined, undefined])
}

function outcomeOf(rule: JsonLogic, compiler: Compiler, sayer: Sayer): unknown {
  const cells = compileProgram(rule, compiler, sayer)
  return outcomeOfAll(cells) ?? cells
}

/** The outcome of a rule that says the same to everybody. */
export function outcomeOfAll(program: Program): Evaluation | undefined {
  return program[0] === done ? (program[3] as Evaluation) : undefined
}

/** Never recurses: an outcome that is a list is gone on with. */
export function runProgram(program: Program, state: State, sayer: Sayer): Evaluation {
  let cells = program
  let at = 0
  for (;;) {
    const what = cells[at] as number
    let outcome = cells[at + 3]
    if (what <= lastTest) {
      if (!holds(what as TestKind, state.attribute(cells[at + 1] as number), cells[at + 2])) {
        at += 4
        continue
      }
    } else if (what === ask) {
      if (!isTruthy((cells[at + 1] as Run)(state.context, state))) {
        at += 4
        continue
      }
    } else if (what === run) return sayer.say((cells[at + 1] as Run)(state.context, state))
    else if (what === share) {
      const hash = (cells[at + 2] as HashOf)(state.context, state)
      if (hash === undefined) return sayer.say(null)
      const bucket = bucketOfHash(hash, cells[at + 1] as number)
      at += 4
      while ((cells[at] as number) <= bucket) at += 2
      outcome = cells[at + 1]
    }
    if (!Array.isArray(outcome)) return outcome as Evaluation
    cells = outcome
    at = 0
  }
}
