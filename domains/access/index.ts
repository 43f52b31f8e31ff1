/** Who may do what: people, their sessions and sign-in links, tokens for programs. */
export { type Access, type Link, openAccess, refuse, requires, type Token, type User } from './access.ts'
export type { Who } from './model.ts'
export { accessRoutes } from './routes.ts'
export { accessMigrations } from './store.ts'
