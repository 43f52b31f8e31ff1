/** From a rule to closures. The rule has been checked (check.ts): it is not too deep, and all its operators are known. */
import { reference } from './check.ts'
import { type Compiler, constantNode, dynamicNode, listNode, type Node } from './node.ts'
import { operators } from './operators/all.ts'
import { spend } from './state.ts'
import type { FlagSetOptions, JsonLogic } from './types.ts'

/** What a rule may refer to: known to be sound, with the parts that one run of it has at most. */
type Ready = ReadonlyMap<string, { readonly node: Node | undefined; readonly size: { readonly parts: number } }>

export function compilerWith(options: FlagSetOptions, ready: Ready, inElement = false): Compiler {
  const compiler: Compiler = {
    options,
    inElement,
    compile: (rule) => compileValue(rule, compiler, ready),
    within: () => compilerWith(options, ready, true),
  }
  return compiler
}

function compileValue(rule: JsonLogic, compiler: Compiler, ready: Ready): Node {
  if (typeof rule !== 'object' || rule === null) return constantNode(rule)
  if (Array.isArray(rule)) return listNode((rule as readonly JsonLogic[]).map(compiler.compile))
  const [name, args] = Object.entries(rule)[0] as [string, JsonLogic]
  if (name === reference) return referred(args as string, compiler, ready)
  const operator = operators.get(name)
  if (operator === undefined) throw new Error(`the operator ${name} passed the check and is unknown`)
  return operator(Array.isArray(args) ? (args as readonly JsonLogic[]) : [args], compiler)
}

function referred(name: string, compiler: Compiler, ready: Ready): Node {
  const evaluator = ready.get(name)
  if (evaluator?.node === undefined) throw new Error(`the evaluator ${name} passed the check and is not there`)
  const { node, size } = evaluator
  if (!compiler.inElement || node.constant) return node
  // What a `map` costs is counted by the rule as it is written, where a reference is one part.
  return dynamicNode((data, state) => {
    spend(state, size.parts)
    return node.run(data, state)
  }, node.traits)
}
