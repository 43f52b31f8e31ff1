/** A string (or number) that the compiler keeps apart from its look-alikes: a release is not an environment. */
export type Brand<Base, Name extends string> = Base & { readonly __brand: Name }
