/** The same text comes a thousand times a second: what was read once is kept for a while. */
import { readStatement, type Statement } from './normalise.ts'

export type StatementReader = {
  /** As `readStatement`; the same object for the same text while it is kept. */
  read(sql: string): Statement
}

/** Of each of two generations. Services have hundreds of texts; those that write values into them would fill any cache. */
const textsMax = 1_000
const charactersMax = 500_000
/** A text beyond this is kept by nobody: a few would fill the cache. */
const longTextCharacters = 20_000

/** @param system as for `readStatement`. */
export function createStatementReader(system: string): StatementReader {
  let young = new Map<string, Statement>()
  let old = new Map<string, Statement>()
  let characters = 0
  const keep = (sql: string, statement: Statement) => {
    if (sql.length > longTextCharacters) return
    if (young.size >= textsMax || characters > charactersMax) {
      old = young
      young = new Map()
      characters = 0
    }
    young.set(sql, statement)
    characters += sql.length
  }
  return {
    read(sql) {
      const known = young.get(sql)
      if (known !== undefined) return known
      const statement = old.get(sql) ?? readStatement(sql, system)
      keep(sql, statement)
      return statement
    },
  }
}
