/** Figures as people read them: three digits that count, and the unit that fits. */

// Called for every session of a capture, of which there may be many thousands: without regular expressions.
const digits = (value: number, unit: string) => {
  const size = Math.abs(value)
  if (size >= 100 || value === 0) return `${value.toFixed(0)} ${unit}`
  const text = size >= 1 ? value.toFixed(1) : value.toFixed(2)
  const whole = text.endsWith('.00') ? text.slice(0, -3) : text.endsWith('.0') ? text.slice(0, -2) : text
  return `${whole} ${unit}`
}

/** `0.12 ms`, `31.5 ms`, `7.1 s`, `3 min 20 s`, `5 h 2 min`. */
export function time(ms: number): string {
  if (ms < 0.01) return ms > 0 ? `${digits(ms * 1000, 'µs')}` : '0 ms'
  if (ms < 999.5) return digits(ms, 'ms')
  if (ms < 119_500) return digits(ms / 1000, 's')
  const seconds = Math.round(ms / 1000)
  if (seconds < 7200) return seconds % 60 === 0 ? `${seconds / 60} min` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  const minutes = Math.round(seconds / 60)
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** Decimal, as rates are: `1 byte`, `420 bytes`, `1.2 MB`. */
export function size(bytes: number): string {
  const whole = Math.round(bytes)
  if (whole < 1000) return whole === 1 ? '1 byte' : `${whole} bytes`
  if (bytes < 999_500) return digits(bytes / 1e3, 'kB')
  return bytes < 999.5e6 ? digits(bytes / 1e6, 'MB') : digits(bytes / 1e9, 'GB')
}

/** `4.8 Mbit/s`. */
export function rate(bps: number): string {
  if (bps < 999.5) return digits(bps, 'bit/s')
  if (bps < 999_500) return digits(bps / 1e3, 'kbit/s')
  return bps < 999.5e6 ? digits(bps / 1e6, 'Mbit/s') : digits(bps / 1e9, 'Gbit/s')
}

/** `12.1 %`; what is above nothing and below all is never said to be nothing or all. */
export function percent(share: number): string {
  const value = share * 100
  if (value > 0 && value < 0.01) return 'under 0.01 %'
  if (value < 100 && value > 99.9) return 'over 99.9 %'
  if (value >= 10)
    return `${value.toFixed(value >= 99.5 || Number.isInteger(value) ? (value > 99.5 && value < 100 ? 1 : 0) : value < 20 ? 1 : 0)} %`
  return digits(value, '%')
}

/** `1 segment`, `12 segments`, `1,994 sessions`. */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${whole(n)} ${n === 1 ? one : many}`
}

/** `12,345`. */
export function whole(n: number): string {
  const rounded = Math.round(n)
  if (rounded < 1000) return String(rounded)
  return rounded.toString().replace(/\B(?=(\d{3})+$)/g, ',')
}

/** `once`, `twice`, `3 times`. */
export function times(n: number): string {
  return n === 1 ? 'once' : n === 2 ? 'twice' : `${whole(n)} times`
}

/** `a`, `a and b`, `a, b and c`. */
export function list(parts: readonly string[]): string {
  if (parts.length < 2) return parts[0] ?? ''
  return `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`
}
