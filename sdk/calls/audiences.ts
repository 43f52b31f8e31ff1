/** Whom a call serves: the first rule that matches names the audience. */
import { compileRule, isTruthy } from '@belay/flag-evaluator'
import { attributesIn } from './attributes.ts'
import { type CallContext, type CallRules, everyone } from './types.ts'

export type Audiences = {
  /** What the rules read besides what every call has: headers in lower case, names of queries, whether it is a robot. */
  readonly needs: { readonly header: readonly string[]; readonly query: readonly string[]; readonly robot: boolean }
  /** `nowMs`: for rules that ask for the time. Never throws; a rule that fails matches nobody. */
  audienceOf(context: CallContext, nowMs: number): string
}

/** @param rules of `CallRules.audiences`. Rules that are not sound match nobody; `checkCallRules` says why. */
export function createAudiences(rules: CallRules['audiences']): Audiences {
  const compiled = rules.map(({ name, where }) => ({ name, rule: where === null ? null : compileRule(where) }))
  const attributes = [...new Set(rules.flatMap(({ where }) => attributesIn(where)))]
  const named = (prefix: string) => attributes.filter((it) => it.startsWith(prefix)).map((it) => it.slice(prefix.length))
  return {
    needs: { header: named('header.'), query: named('query.'), robot: attributes.includes('robot') },
    audienceOf(context, nowMs) {
      for (const { name, rule } of compiled) if (rule === null || isTruthy(rule.run(context, nowMs))) return name
      return everyone
    },
  }
}
