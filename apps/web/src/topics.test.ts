import { describe, expect, test } from 'vitest'
import { pathOfSubject } from './paths.ts'
import { topicsOf } from './topics.ts'

describe('a fact that arrives', () => {
  test('makes the views old that it touches', () => {
    expect(topicsOf('release.cut')).toEqual(['now', 'ledger', 'releases'])
    expect(topicsOf('calls.changed')).toContain('calls')
    expect(topicsOf('deployment.undone')).toContain('environments')
  })
  test('makes every view old when the page does not know its kind', () => expect(topicsOf('weather.changed')).toBeUndefined())
})

describe('the subject of a fact', () => {
  test.each([
    ['release:v2', '/releases/v2'],
    ['environment:qa', '/environments/qa'],
    ['deployment:d7', '/deployments/d7'],
    ['release:a/b', '/releases/a%2Fb'],
    ['flag:shop/checkout', '/flags/shop%2Fcheckout'],
    ['segment:beta', '/segments/beta'],
    ['call:api/Items.get', '/calls/method?service=api&method=Items.get'],
    ['call:api/GET /items/{id}', '/calls/method?service=api&method=GET%20%2Fitems%2F%7Bid%7D'],
    ['ring:staff', '/rings'],
    ['clock:server', undefined],
    ['nothing', undefined],
  ])('%s is shown at %s', (subject, path) => expect(pathOfSubject(subject)).toBe(path))
})
