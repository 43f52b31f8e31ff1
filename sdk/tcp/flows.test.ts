import { expect, test } from 'vitest'
import fc from 'fast-check'
import { Flows, shardOf } from './flows.ts'
import { Packet } from './packet.ts'
import type { Session } from './session.ts'

const end = fc.record({ host: fc.integer({ min: 1, max: 5 }), port: fc.integer({ min: 1, max: 4 }) })
const family = fc.constantFrom<4 | 6>(4, 6)
const packet = fc.record({ from: end, to: end, family })

function fill(
  p: Packet,
  { from, to, family }: { from: { host: number; port: number }; to: { host: number; port: number }; family: 4 | 6 },
): string {
  p.family = family
  p.src0 = p.dst0 = family === 6 ? 0x20010db8 : 0
  p.src3 = from.host
  p.dst3 = to.host
  p.sport = from.port * 9_000
  p.dport = to.port * 9_000
  return `${family} ${[`${from.host}:${from.port}`, `${to.host}:${to.port}`].toSorted().join(' ')}`
}

test('a packet finds its session in both directions, whichever others came and went', () => {
  const step = fc.record({ packet, remove: fc.boolean() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const flows = new Flows()
      const model = new Map<string, { session: Session; first: string }>()
      const p = new Packet()
      for (const it of steps) {
        const key = fill(p, it.packet)
        const sender = `${it.packet.from.host}:${it.packet.from.port}`
        const known = model.get(key)
        const found = flows.find(p)
        expect(found).toBe(known?.session)
        if (found === undefined) model.set(key, { session: flows.begin(p), first: sender })
        else {
          expect(flows.fromA).toBe(known?.first === sender)
          if (it.remove) {
            flows.remove(found)
            model.delete(key)
          }
        }
        expect(flows.live).toBe(model.size)
      }
      expect(new Set(flows)).toEqual(new Set([...model.values()].map(({ session }) => session)))
    }),
    { numRuns: 60 },
  )
})

test('many sessions at once are told apart, and both directions of each are of one share', () => {
  const flows = new Flows()
  const p = new Packet()
  const shares = [0, 0, 0]
  const sessions: Session[] = []
  for (let i = 0; i < 20_000; i++) {
    p.src3 = 0x0a000000 + (i >> 8)
    p.dst3 = 0x0a010001
    p.sport = 20_000 + (i & 255)
    p.dport = 443
    expect(flows.find(p)).toBeUndefined()
    sessions.push(flows.begin(p))
    const share = shardOf(p, 3)
    shares[share] = (shares[share] ?? 0) + 1
    ;[p.src3, p.dst3, p.sport, p.dport] = [p.dst3, p.src3, p.dport, p.sport]
    expect(flows.find(p)).toBe(sessions[i])
    expect(flows.fromA).toBe(false)
    expect(shardOf(p, 3)).toBe(share)
  }
  for (const share of shares) expect(share).toBeGreaterThan(20_000 / 3 / 1.2)
})
