/**
 * Student's t distribution, by the regularised incomplete beta function. Sources: NIST's Digital Library of
 * Mathematical Functions, sections 5.11 (log-gamma) and 8.17 (incomplete beta); checked against the tables of
 * Abramowitz and Stegun and against scipy in the tests.
 */

/**
 * The chance that |t| is at least this large when there is no difference.
 * @param degrees above 0, not necessarily whole (Welch's are not). Infinity: the normal distribution, nearly.
 */
export function twoSided(t: number, degrees: number): number {
  if (Number.isNaN(t) || !(degrees > 0)) return 1
  if (!Number.isFinite(t)) return 0
  const v = Math.min(degrees, degreesMax)
  return incompleteBeta(v / (v + t * t), (t * t) / (v + t * t), v / 2, 0.5)
}

/**
 * The t that is exceeded, on both sides together, with chance `p`: twoSided(criticalT(p, v), v) = p.
 * Newton's method from the left; as `twoSided` is convex, it walks up to the answer and never past it.
 */
export function criticalT(p: number, degrees: number): number {
  if (p >= 1) return 0
  if (!(p > 0) || !(degrees > 0)) return Number.POSITIVE_INFINITY
  const v = Math.min(degrees, degreesMax)
  const scale = Math.exp(logGamma((v + 1) / 2) - logGamma(v / 2)) / Math.sqrt(v * Math.PI)
  let t = 0
  // Half a degree and p = 1e-9 take 70 steps; ordinary questions take 5 to 10.
  for (let nth = 0; nth < stepsMax; nth++) {
    const slope = 2 * scale * Math.exp(-((v + 1) / 2) * Math.log1p((t * t) / v))
    const step = (twoSided(t, v) - p) / slope
    if (!(step > t * 1e-12)) break
    t += step
  }
  return t
}

/** Above this the distribution differs from the normal one by less than a millionth of its value where p > 1e-12; and the fraction below stays short. */
const degreesMax = 1e7
const stepsMax = 500

/** DLMF 5.11.1, after moving the argument to where seven terms give 15 digits. */
function logGamma(x: number): number {
  let shift = 0
  let z = x
  while (z < 10) {
    shift += Math.log(z)
    z++
  }
  const w = 1 / (z * z)
  const series = 1 / 12 - w * (1 / 360 - w * (1 / 1260 - w * (1 / 1680 - w * (1 / 1188 - w * (691 / 360_360 - w / 156)))))
  return (z - 0.5) * Math.log(z) - z + 0.5 * Math.log(2 * Math.PI) + series / z - shift
}

/** I_x(a, b); `y` is 1 − x, told apart because the difference would lose the digits that matter in the tails. */
function incompleteBeta(x: number, y: number, a: number, b: number): number {
  if (x <= 0) return 0
  if (y <= 0) return 1
  const front = Math.exp(a * Math.log(x) + b * Math.log(y) + logGamma(a + b) - logGamma(a) - logGamma(b))
  // DLMF 8.17.4; the fraction converges quickly on this side of the mean.
  return x < (a + 1) / (a + b + 2) ? (front * fraction(x, a, b)) / a : 1 - (front * fraction(y, b, a)) / b
}

/** DLMF 8.17.22, by Lentz's method as Thompson and Barnett modified it. */
function fraction(x: number, a: number, b: number): number {
  const tiny = 1e-300
  const away = (it: number) => (Math.abs(it) < tiny ? tiny : it)
  let c = 1
  let d = 1 / away(1 - ((a + b) * x) / (a + 1))
  let h = d
  // About √max(a, b) terms are needed: some thousands for ten million degrees.
  for (let m = 1; m < 20_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    d = 1 / away(1 + even * d)
    c = away(1 + even / c)
    h *= d * c
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = 1 / away(1 + odd * d)
    c = away(1 + odd / c)
    const change = d * c
    h *= change
    if (Math.abs(change - 1) < 1e-15) break
  }
  return h
}
