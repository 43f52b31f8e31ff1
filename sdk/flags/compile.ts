/** From a rule to closures. The rule has been checked (check.ts): it is not too deep, and all its operators are known. */
import { isPlain, reference } from './check.ts'
import { type Compiler, constantNode, dynamicNode, listNode, type Node } from './node.ts'
import { operators } from './operators/all.ts'
import type { Attributes } from './state.ts'
import type { FlagSetOptions, JsonLogic } from './types.ts'
import { spend } from './work.ts'

/** What a rule may refer to: known to be sound. */
export type Ready = ReadonlyMap<string, Referred>
export type Referred = {
  /** In the context, and in an element of a list. Missing when it is not sound. */
  readonly node: Node | undefined
  readonly inElement: (() => Node) | undefined
  /** The parts that one run of it has at most. */
  readonly size: { readonly parts: number }
}

export function compilerWith(options: FlagSetOptions, attributes: Attributes, ready: Ready, inElement = false): Compiler {
  const compiler: Compiler = {
    options,
    attributes,
    inElement,
    compile: (rule) => compileValue(rule, compiler, ready),
    within: () => compilerWith(options, attributes, ready, true),
  }
  return compiler
}

/** The operator of a rule that is one, with its arguments. */
export function operationOf(rule: JsonLogic): { readonly name: string; readonly args: readonly JsonLogic[] } | undefined {
  if (typeof rule !== 'object' || rule === null || Array.isArray(rule)) return undefined
  const [name, args] = Object.entries(rule)[0] as [string, JsonLogic]
  return { name, args: Array.isArray(args) ? (args as readonly JsonLogic[]) : [args] }
}

function compileValue(rule: JsonLogic, compiler: Compiler, ready: Ready): Node {
  if (Array.isArray(rule) && rule.every(isPlain)) return constantNode([...rule])
  if (Array.isArray(rule)) return listNode((rule as readonly JsonLogic[]).map(compiler.compile))
  const operation = operationOf(rule)
  if (operation === undefined) return constantNode(rule)
  const { name, args } = operation
  if (name === reference) return referred(args[0] as string, compiler, ready)
  const operator = operators.get(name)
  if (operator === undefined) throw new Error(`the operator ${name} passed the check and is unknown`)
  return operator(args, compiler)
}

function referred(name: string, compiler: Compiler, ready: Ready): Node {
  const evaluator = ready.get(name)
  if (evaluator?.node === undefined || evaluator.inElement === undefined)
    throw new Error(`the evaluator ${name} passed the check and is not there`)
  if (!compiler.inElement || evaluator.node.constant) return evaluator.node
  const [node, { parts }] = [evaluator.inElement(), evaluator.size]
  // What a `map` costs is counted by the rule as it is written, where a reference is one part.
  return dynamicNode((data, state) => {
    spend(state, parts)
    return node.run(data, state)
  }, node.traits)
}
