/** What tests need of the world: a real database, a real browser, folders, ports, a full disk, patience. */
export { startClickHouse, type TestClickHouse } from './clickhouse/start.ts'
export { columnsForTests, onEachColumnStore, type TestColumns } from './columns.ts'
export { openChromium, whyNoChromium } from './chromium.ts'
export { eventually } from './eventually.ts'
export { type TemporaryFolder, temporaryFolder, tmpfs } from './folders.ts'
export { freePort } from './ports.ts'
export { postgresForTests, type TestDatabase, whyNoPostgres } from './postgres.ts'
export { onEachStore, type StorePlace } from './stores.ts'
