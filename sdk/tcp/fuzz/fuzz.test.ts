import { existsSync, globSync, readFileSync } from 'node:fs'
import { gunzipSync, gzipSync } from 'node:zlib'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { decompressed } from '../decompress.ts'
import { pcap } from '../fixtures.ts'
import { createAnalyser } from '../analyser.ts'
import { CaptureError } from '../read/index.ts'
import { judge } from './judge.ts'
import { mutatedFile, mutatedInput, mutatedPackets } from './mutate.ts'
import { Random } from './random.ts'
import { seedsOf } from './seeds.ts'

const seed = Number(process.env.BELAY_SEED ?? 20_261_122)

test(`no capture, however damaged, is more than one sentence's trouble (seed ${seed})`, () => {
  const folder = join(import.meta.dirname, '../../../../shared/data/tcp/curated')
  const files = existsSync(folder)
    ? globSync('*{vxlan,qinq,llc,dnp3}*', { cwd: folder }).map((name) => unpacked(readFileSync(join(folder, name))))
    : []
  const seeds = seedsOf(files)
  let mutations = 0
  // About two seconds where nothing else runs; `npm run fuzz` does ten million.
  for (let index = 0; index < 250; index++) {
    const random = new Random(seed, index)
    const input = mutatedInput(random, seeds)
    mutations += input.mutations
    try {
      judge(input.file, random)
    } catch (error) {
      throw new Error(`input ${index} of seed ${seed}`, { cause: error })
    }
  }
  expect(mutations).toBeGreaterThan(10_000)
})

const unpacked = (file: Uint8Array) => (file[0] === 0x1f ? gunzipSync(file) : file)

test(`damaged gzip is unpacked as far as it goes, or refused in words (seed ${seed})`, async () => {
  const seeds = seedsOf([])
  for (let index = 0; index < 40; index++) {
    const random = new Random(seed, index)
    const conversation = random.pick(seeds.conversations)
    const packed = mutatedFile(
      random,
      gzipSync(pcap(mutatedPackets(random, conversation, seeds, 50).captured, { linkType: conversation.linkType })),
    )
    const analyser = createAnalyser({ onSession: () => {} })
    try {
      for await (const piece of decompressed(oneBy(packed, 1 + random.below(500)))) analyser.write(piece)
      analyser.end()
    } catch (error) {
      expect(error, `input ${index}`).toBeInstanceOf(CaptureError)
    }
  }
})

async function* oneBy(bytes: Uint8Array, length: number) {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length)
}

test('an input is made again from its seed and its number', () => {
  const seeds = seedsOf([])
  const make = (index: number) => mutatedInput(new Random(5, index), seeds).file
  expect(make(3)).toEqual(make(3))
  expect(make(3)).not.toEqual(make(4))
})
