import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { clockVerdict } from './doctor.ts'
import { findPlace, findServer } from './place.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'belay-place-'))
  mkdirSync(join(folder, 'apps/web'), { recursive: true })
  mkdirSync(join(folder, '.belay'))
})
afterEach(() => rmSync(folder, { recursive: true }))
const server = (it: object): void => writeFileSync(join(folder, '.belay/server.json'), JSON.stringify(it))

describe('the server is found', () => {
  test('from any folder below belay.yaml, by the file that it wrote', () => {
    writeFileSync(join(folder, 'belay.yaml'), '')
    server({ url: 'http://127.0.0.1:1', token: 't', pid: 1 })
    expect(findServer({}, join(folder, 'apps/web'), {})).toEqual({ url: 'http://127.0.0.1:1', token: 't' })
  })

  test('by --url before BELAY_URL, with BELAY_TOKEN; the local token never goes to another server', () => {
    writeFileSync(join(folder, 'belay.yaml'), '')
    server({ url: 'http://127.0.0.1:1', token: 'local', pid: 1 })
    const env = { BELAY_URL: 'http://env', BELAY_TOKEN: 'mine' }
    expect(findServer({ url: 'http://option/' }, folder, env)).toEqual({ url: 'http://option', token: 'mine' })
    expect(findServer({}, folder, env)).toEqual({ url: 'http://env', token: 'mine' })
    expect(findServer({ url: 'http://option' }, folder, {})).toEqual({ url: 'http://option', token: undefined })
  })

  test('in BELAY_HOME instead of .belay', () => {
    writeFileSync(join(folder, 'belay.yaml'), '')
    expect(findPlace(folder, { BELAY_HOME: '../elsewhere' }).home).toBe(join(folder, '..', 'elsewhere'))
  })

  test('or a sentence says what is missing', () => {
    expect(() => findServer({}, folder, {})).toThrow(/There is no belay.yaml.*belay init/)
    writeFileSync(join(folder, 'belay.yaml'), '')
    expect(() => findServer({}, folder, {})).toThrow(/No Belay server runs.*belay serve/)
    server({ url: 7 })
    expect(() => findServer({}, folder, {})).toThrow(/is not what a server writes/)
  })
})

test('the doctor tells a clock that is wrong from an answer that took long', () => {
  const at = (iso: string): number => Date.parse(iso)
  const date = 'Sun, 22 Nov 2026 12:00:00 GMT'
  expect(clockVerdict('u', date, at('2026-11-22T11:59:58Z'), at('2026-11-22T12:00:03Z')).state).toBe('ok')
  expect(clockVerdict('u', date, at('2026-11-22T12:01:00Z'), at('2026-11-22T12:01:00Z'))).toMatchObject({
    state: 'missing',
    says: expect.stringContaining('59 s'),
  })
  expect(clockVerdict('u', date, at('2026-11-22T11:00:00Z'), at('2026-11-22T11:00:00Z')).state).toBe('missing')
  expect(clockVerdict('u', null, 0, 4).says).toBe('u answers in 4 ms')
})
