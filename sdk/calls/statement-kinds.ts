/** What a statement does to the transaction of its connection. */
export type StatementKind = 'statement' | 'begin' | 'end' | 'savepoint'

/**
 * By its first words in upper case: PostgreSQL, MySQL, MariaDB, SQLite, SQL Server; MULTI of Redis, commands of MongoDB
 * (`startTransaction` is none of its wire, but the first command that carries it). `autocommit`: what it is set to.
 *
 * Sources: PostgreSQL "BEGIN", "COMMIT", "PREPARE TRANSACTION"; MySQL 8.4 "START TRANSACTION, COMMIT, and ROLLBACK",
 * "XA Transaction SQL Statements"; SQLite "Transaction", "Savepoints".
 */
export function kindOf(words: readonly string[], autocommit: string | undefined, system: string): StatementKind {
  const [first, second, third] = words
  if (system === 'redis' || system === 'valkey')
    return first === 'MULTI' ? 'begin' : first === 'EXEC' || first === 'DISCARD' ? 'end' : 'statement'
  if (system === 'mongodb')
    return first === 'STARTTRANSACTION' ? 'begin' : first === 'COMMITTRANSACTION' || first === 'ABORTTRANSACTION' ? 'end' : 'statement'
  switch (first) {
    case 'BEGIN':
      return 'begin'
    case 'START':
      // START SLAVE, START REPLICA and START GROUP_REPLICATION are statements.
      return second === 'TRANSACTION' ? 'begin' : 'statement'
    case 'COMMIT':
    case 'END':
    case 'ABORT':
      return 'end'
    case 'ROLLBACK':
      return second === 'TO' || third === 'TO' ? 'savepoint' : 'end'
    case 'SAVEPOINT':
    case 'RELEASE':
      return 'savepoint'
    case 'SAVE':
      return second === 'TRANSACTION' || second === 'TRAN' ? 'savepoint' : 'statement'
    case 'PREPARE':
      return second === 'TRANSACTION' ? 'end' : 'statement'
    case 'SET':
      // SET autocommit, SET SESSION autocommit: without it, every statement begins a transaction that somebody has to end.
      if (autocommit === undefined || ![second, third].includes('AUTOCOMMIT')) return 'statement'
      return /^(0|OFF|FALSE)$/i.test(autocommit) ? 'begin' : 'end'
    default:
      return 'statement'
  }
}
