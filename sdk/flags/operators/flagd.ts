/** flagd's own operators besides `fractional`, and Belay's `in_segment`. */
import { argument, dynamicNode, folded, type Operator, pure, traitsOf } from '../node.ts'
import { parseVersion, versionTest } from '../versions.ts'

/** `[version, operator, version]`; null for what is no version or no operator. What is written down is parsed once. */
const semVer: Operator = (args, compiler) => {
  if (args.length !== 3) return pure(() => null)(args, compiler)
  const nodes = args.map(compiler.compile)
  const [a, operator, b] = [argument(nodes, 0), argument(nodes, 1), argument(nodes, 2)]
  if (operator.constant && b.constant && !a.constant) {
    const [test, right] = [versionTest(operator.value), parseVersion(b.value)]
    if (test === undefined || right === undefined) return folded([], () => null)
    return dynamicNode((data, state) => {
      const left = parseVersion(a.run(data, state))
      return left === undefined ? null : test(left, right)
    }, a.traits)
  }
  return folded(nodes, (data, state) => {
    const [left, right] = [parseVersion(a.run(data, state)), parseVersion(b.run(data, state))]
    const test = versionTest(operator.run(data, state))
    return left === undefined || right === undefined || test === undefined ? null : test(left, right)
  })
}

/** `[segment, key]`: is the key in the list that somebody else keeps? Not known counts as no. */
const inSegment: Operator = (args, compiler) => {
  const nodes = args.map(compiler.compile)
  const [segment, key] = [argument(nodes, 0).run, argument(nodes, 1).run]
  const ask = compiler.options.inSegment
  if (ask === undefined) return folded([], () => false)
  return dynamicNode((data, state) => {
    const [segmentName, unit] = [segment(data, state), key(data, state)]
    return typeof segmentName === 'string' && typeof unit === 'string' && ask(segmentName, unit) === true
  }, traitsOf(nodes))
}

export const flagdOperators: readonly (readonly [string, Operator])[] = [
  ['sem_ver', semVer],
  ['in_segment', inSegment],
]
