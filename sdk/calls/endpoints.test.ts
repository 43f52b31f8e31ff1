import { expect, test } from 'vitest'
import { endpointText } from './endpoints.ts'

test.each([
  ['10.0.0.1', 80, '10.0.0.1:80'],
  ['::ffff:10.0.0.1', 80, '10.0.0.1:80'],
  ['::FFFF:10.0.0.1', 80, '10.0.0.1:80'],
  ['2001:DB8::1', 443, '[2001:db8::1]:443'],
  ['fe80::1%eth0', 443, '[fe80::1]:443'],
  ['::1', 8080, '[::1]:8080'],
  [undefined, 80, ''],
  ['', 80, ''],
  ['10.0.0.1', undefined, ''],
  ['10.0.0.1', 0, ''],
])('the end %s, %s of a connection is told as %s', (address, port, text) => {
  expect(endpointText(address, port)).toBe(text)
})
