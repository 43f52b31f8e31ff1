/**
 * Many tests at once: Benjamini and Hochberg, "Controlling the false discovery rate", J. R. Statist. Soc. B 57 (1995).
 * Of all that is called a difference because its q is at most α, on average at most the share α is none.
 * @returns q in the order of `p`: the least α at which that test would be called a difference.
 */
export function benjaminiHochberg(p: readonly number[]): number[] {
  const order = p.map((_, at) => at).sort((a, b) => (p[b] as number) - (p[a] as number))
  const q = new Array<number>(p.length)
  let least = 1
  for (const [fromTop, at] of order.entries()) {
    least = Math.min(least, (p[at] as number) * (p.length / (p.length - fromTop)))
    q[at] = least
  }
  return q
}
