/** Asserts one of our own promises; a broken one stops the work with a clear sentence. */
export function invariant(holds: unknown, promise: string): asserts holds {
  if (!holds) throw new Error(`Broken promise: ${promise}`)
}

/** The compiler misses you a case: call it in `default` of a switch over a union. */
export function unreachable(value: never): never {
  throw new Error(`Unreachable: ${JSON.stringify(value)}`)
}
