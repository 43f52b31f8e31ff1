/** Gaps are filled by the value before them; those at the beginning by the one after. Nothing at all stays nothing. */
export function filled(series: readonly (number | null)[]): number[] {
  let last = series.find((it) => it !== null) ?? null
  if (last === null) return []
  return series.map((it) => (last = it ?? (last as number)))
}
