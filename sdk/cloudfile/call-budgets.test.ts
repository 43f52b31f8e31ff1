import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { misnamedBudgets } from './call-budgets.ts'

const methods = [
  { path: '/rpc/:noun/:verb', name: '{noun}.{verb}' },
  { path: '/search/*', name: 'Search-items' },
  { path: '/x', name: 'Odd (one) [+]' },
]
const said = (name: string): string[] => misnamedBudgets({ methods, budgets: { [name]: {} } }).map(({ message }) => message)

describe('a budget', () => {
  const fine: readonly string[] = [
    'Search-items',
    'Items.getList',
    'GET /items/:id',
    'Odd (one) [+]',
    'shop Checkout/Pay',
    'Nothing like it',
  ]
  test.each(fine)('of %s may be', (name) => expect(said(name)).toEqual([]))

  const wrong: readonly [name: string, says: string][] = [
    ['Serach-items', 'no rule of calls.methods gives a call the name "Serach-items"; did you mean Search-items?'],
    ['get /items', '"get /items" names no call; a call without a rule is named by its route: GET /items'],
    ['POST items', '"POST items" names no call; a call without a rule is named by its route: POST /items'],
    ['/items/:id', '"/items/:id" names no call; a call without a rule is named by its route: GET /items/:id'],
  ]
  test.each(wrong)('of %s is a slip', (name, says) => expect(said(name)).toEqual([says]))

  test('is looked at whatever the file holds', () => {
    fc.assert(fc.property(fc.anything(), fc.anything(), (some, budgets) => void misnamedBudgets({ methods: [some], budgets })))
    fc.assert(
      fc.property(
        fc.array(fc.record({ name: fc.string() })),
        fc.string(),
        (rules, name) => void misnamedBudgets({ methods: rules, budgets: { [name]: {} } }),
      ),
    )
  })
})
