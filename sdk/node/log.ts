/** Where sentences go that a person should read. An OpenFeature logger is one, and so is the console. */
export type Log = {
  error(...args: unknown[]): void
  warn(...args: unknown[]): void
}
