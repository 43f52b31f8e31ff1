/** All that is known of statements and calls to other services, told to the call under way. */
import { recordExternalCalls } from './external.ts'
import { recordMongodb } from './mongodb.ts'
import { recordMysql2 } from './mysql2.ts'
import { recordPg } from './pg.ts'
import { recordRedis } from './redis.ts'
import { recordBetterSqlite3, recordNodeSqlite } from './sqlite.ts'

/** Returns what ends it. What was patched stays so, and hands on; without a call under way it does nothing else. */
export function startDrivers(): () => void {
  const ends = [
    recordPg(),
    recordMysql2(),
    recordMongodb(),
    recordRedis(),
    recordNodeSqlite(),
    recordBetterSqlite3(),
    recordExternalCalls(),
  ]
  return () => {
    for (const end of ends) end()
  }
}
