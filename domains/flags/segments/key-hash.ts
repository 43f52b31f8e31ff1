/**
 * 64 bits of a key, as two 32-bit numbers: two lanes of MurmurHash3's round (Austin Appleby, public domain) over the
 * UTF-16 units of the string, two at a time, with constants of their own, crossed at the end. Evaluation hands in
 * strings, so nothing is encoded first. Written into `out` because a pair that is made for every question would be
 * the only garbage of a look-up.
 *
 * The stored chunks of a list are addressed by the first number: it never changes (key-hash.test.ts pins it).
 */
export function hashKey(key: string, out: Uint32Array): void {
  const { length } = key
  let a = 0x2f0b_4c47
  let b = 0x6c62_272e
  for (let at = 0; at < length; at += 2) {
    const unit = at + 1 < length ? key.charCodeAt(at) | (key.charCodeAt(at + 1) << 16) : key.charCodeAt(at)
    let mixed = Math.imul(unit, 0xcc9e_2d51)
    mixed = (mixed << 15) | (mixed >>> 17)
    a ^= Math.imul(mixed, 0x1b87_3593)
    a = (a << 13) | (a >>> 19)
    a = (Math.imul(a, 5) + 0xe654_6b64) | 0
    mixed = Math.imul(unit, 0x38b3_4ae5)
    mixed = (mixed << 17) | (mixed >>> 15)
    b ^= Math.imul(mixed, 0xa1e3_8b93)
    b = (b << 11) | (b >>> 21)
    b = (Math.imul(b, 9) + 0x561c_cd1b) | 0
  }
  a = avalanche(a ^ length)
  b = avalanche(b ^ length ^ a)
  a = (a + b) | 0
  // Both zero marks an empty place of a set.
  out[0] = a === 0 && b === 0 ? 1 : a
  out[1] = b
}

/** MurmurHash3's finish: every bit that goes in turns about half of those that come out. */
function avalanche(hash: number): number {
  let mixed = hash
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85eb_ca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35)
  return mixed ^ (mixed >>> 16)
}
