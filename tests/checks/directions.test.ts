import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { mayImport } from '../../tools/directions.ts'

const root = new URL('../../', import.meta.url)
const families = ['apps', 'domains', 'examples', 'platform', 'sdk']
const rooms = [
  ...families.flatMap((family) =>
    readdirSync(new URL(family, root), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => `${family}/${entry.name}`),
  ),
  'bench',
  'tests',
  'tools',
]
const matches = (row: string, room: string) => new RegExp(`^${row.replace('*', '[^/]+')}$`).test(room)

test.each(rooms)('the table of directions has a row for %s', (room) => {
  expect(Object.keys(mayImport).filter((row) => matches(row, room))).not.toEqual([])
})

test.each(Object.keys(mayImport))('the row %s of the table of directions is about a room that exists', (row) => {
  expect(rooms.filter((room) => matches(row, room))).not.toEqual([])
})

test.each(Object.entries(mayImport))('the row %s allows only rooms that exist', (_row, allowed) => {
  for (const target of allowed) expect(rooms.filter((room) => matches(target, room))).not.toEqual([])
})

test('the domains stand in one order, each leaning only on those before it', () => {
  const order = ['ledger', 'access', 'environments', 'releases', 'deployments']
  for (const [place, domain] of order.entries()) {
    const leansOn = (mayImport[`domains/${domain}`] ?? []).filter((target) => target.startsWith('domains/'))
    expect(leansOn).toEqual(order.slice(0, place).map((below) => `domains/${below}`))
  }
})

test('ARCHITECTURE.md names every room of the table, but for the workshop', () => {
  const page = readFileSync(new URL('ARCHITECTURE.md', root), 'utf8')
  const missing = Object.keys(mayImport).filter((row) => {
    const [family, room] = row.split('/')
    if (room === undefined) return false
    return !page.includes(`\`${row}\``) && !new RegExp(`\`${family}/[{][^}]*\\b${room}\\b`).test(page) && room !== '*'
  })
  expect(missing).toEqual([])
})
