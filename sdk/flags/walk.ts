/**
 * Every operation in a rule, outermost first and in the order in which they are written: the operator and what it is
 * given. With a list of its own instead of recursion: a rule that nobody has checked yet may be nested deeper than the
 * stack.
 */
export function* operationsIn(rule: unknown): Generator<readonly [operator: string, given: unknown]> {
  const ahead: (readonly [operator: string | undefined, given: unknown])[] = [[undefined, rule]]
  while (ahead.length > 0) {
    const [operator, given] = ahead.pop() as (typeof ahead)[number]
    if (operator !== undefined) yield [operator, given]
    // What `$ref` is given is a name; anything else there is wrong, and no rule.
    if (operator === '$ref' || typeof given !== 'object' || given === null) continue
    const inner = Array.isArray(given) ? given.map((it: unknown) => [undefined, it] as const) : Object.entries(given)
    for (let at = inner.length - 1; at >= 0; at--) ahead.push(inner[at] as (typeof ahead)[number])
  }
}
