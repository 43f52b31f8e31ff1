/** What a call is named, whom it serves, what its statements are; and the shape in which recorders tell of calls. */
export { type Audiences, createAudiences } from './audiences.ts'
export { createMethodBook, type MethodBook } from './book.ts'
export { checkCallRules, type RuleProblem } from './check.ts'
export { createDescriber, type Describer, type Description, type Said } from './describe.ts'
export { endpointText } from './endpoints.ts'
export { createExemplarChoice, type ExemplarChoice } from './exemplars.ts'
export { createIntervalUnion, type IntervalUnion, unionOfIntervals } from './intervals.ts'
export { type MethodNamer, methodNamer, nameCharactersMax, type NamedRequest } from './names.ts'
export { classifyStatement, normaliseStatement, readStatement, type Statement, statementCharactersMax } from './normalise.ts'
export { createRepeatCounter, type RepeatCounter } from './repeats.ts'
export type { StatementKind } from './statement-kinds.ts'
export { createStatementReader, type StatementReader } from './statements.ts'
export { templateOf } from './template.ts'
export {
  type CallBatch,
  type CallColumns,
  type CallContext,
  type CallRules,
  everyone,
  eventsMax,
  type Exemplar,
  type ExemplarEvent,
  type ExemplarReason,
  exemplarReasons,
  type MethodRule,
  methodsMax,
  overflowMethod,
  type ProcessFigures,
  type Source,
} from './types.ts'
