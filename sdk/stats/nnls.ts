/**
 * Non-negative least squares: min ‖Ax − b‖² with x ≥ 0, by the active set method of Lawson and Hanson on the normal
 * equations (R. Bro, S. de Jong, "A fast non-negativity-constrained least squares algorithm", J. Chemometrics 11, 1997).
 */

/**
 * @param rows of A: one for each observation, all of the same length.
 * @param values b, one for each row.
 * @returns x, one for each column; 0 for a column that is empty or that explains nothing.
 */
export function nnls(rows: readonly (readonly number[])[], values: readonly number[]): number[] {
  const columns = rows[0]?.length ?? 0
  // Columns of one length: calls of a busy method and of a rare one are then told apart equally well.
  const lengths = Array.from({ length: columns }, (_, j) => Math.hypot(...rows.map((row) => row[j] as number)) || 1)
  const at = (row: readonly number[], j: number) => (row[j] as number) / (lengths[j] as number)
  const gram = Array.from({ length: columns }, (_, j) =>
    Array.from({ length: columns }, (_, k) => rows.reduce((sum, row) => sum + at(row, j) * at(row, k), 0)),
  )
  const product = Array.from({ length: columns }, (_, j) => rows.reduce((sum, row, i) => sum + at(row, j) * (values[i] as number), 0))
  const tolerance = 1e-10 * Math.max(1e-300, ...product.map(Math.abs))

  const x = new Array<number>(columns).fill(0)
  const used: number[] = []
  // Each round ends at a better point than all before, so none comes twice; three times the columns is what it takes.
  for (let round = 0; round < 3 * columns; round++) {
    const gain = (j: number) => (product[j] as number) - (gram[j] as number[]).reduce((sum, value, k) => sum + value * (x[k] as number), 0)
    const best = x
      .map((_, j) => j)
      .filter((j) => !used.includes(j))
      .reduce((a, j) => (a < 0 || gain(j) > gain(a) ? j : a), -1)
    if (best < 0 || gain(best) <= tolerance) break
    used.push(best)
    settle(gram, product, used, x)
  }
  return x.map((value, j) => value / (lengths[j] as number))
}

/** Moves x to the solution over the columns in use, and takes those out of use that would become negative on the way. */
function settle(gram: readonly (readonly number[])[], product: readonly number[], used: number[], x: number[]): void {
  while (used.length > 0) {
    const solution = solve(
      used.map((j) => used.map((k) => (gram[j] as number[])[k] as number)),
      used.map((j) => product[j] as number),
    )
    const negative = solution.some((value) => value <= 0)
    let step = 1
    if (negative)
      used.forEach((j, i) => {
        const [from, to] = [x[j] as number, solution[i] as number]
        if (to <= 0) step = Math.min(step, from / Math.max(from - to, Number.MIN_VALUE))
      })
    used.forEach((j, i) => {
      x[j] = (x[j] as number) + step * ((solution[i] as number) - (x[j] as number))
    })
    if (!negative) return
    const left = used.filter((j, i) => (solution[i] as number) > 0 || (x[j] as number) > 1e-12)
    for (const j of used) if (!left.includes(j)) x[j] = 0
    if (left.length === used.length) return
    used.splice(0, used.length, ...left)
  }
}

/** By Cholesky; what is nearly a multiple of what came before it gets a weight of next to nothing, so that it is 0. */
function solve(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const n = right.length
  const lower = matrix.map((row) => [...row])
  for (let j = 0; j < n; j++) {
    const row = lower[j] as number[]
    for (let k = 0; k < j; k++) {
      const other = lower[k] as number[]
      let sum = row[k] as number
      for (let i = 0; i < k; i++) sum -= (row[i] as number) * (other[i] as number)
      row[k] = sum / (other[k] as number)
    }
    let diagonal = row[j] as number
    for (let i = 0; i < j; i++) diagonal -= (row[i] as number) ** 2
    row[j] = Math.sqrt(diagonal > 1e-12 ? diagonal : 1e12)
  }
  const y = [...right]
  for (let j = 0; j < n; j++) {
    const row = lower[j] as number[]
    for (let i = 0; i < j; i++) y[j] = (y[j] as number) - (row[i] as number) * (y[i] as number)
    y[j] = (y[j] as number) / (row[j] as number)
  }
  for (let j = n - 1; j >= 0; j--) {
    for (let i = j + 1; i < n; i++) y[j] = (y[j] as number) - ((lower[i] as number[])[j] as number) * (y[i] as number)
    y[j] = (y[j] as number) / ((lower[j] as number[])[j] as number)
  }
  return y
}
