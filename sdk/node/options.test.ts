import { expect, test } from 'vitest'
import { createBelayProvider } from './index.ts'
import { type BelayOptions, readOptions } from './options.ts'

const good: BelayOptions = { url: 'https://belay.example.test/', key: 'bsk_1' }

test('address and key may come from the environment', () => {
  const env = { BELAY_FLAGS_URL: 'http://localhost:4100/under/', BELAY_FLAGS_KEY: 'bsk_2' }
  expect(readOptions({}, env).server).toEqual({ url: 'http://localhost:4100/under', key: 'bsk_2' })
  expect(readOptions(good, env).server).toEqual({ url: 'https://belay.example.test', key: 'bsk_1' })
  expect(readOptions({ bootstrap: { flags: {} } }, {}).server).toBeNull()
})

test.each<[string, object, string]>([
  ['no address', {}, 'where is the server? Give the option url or set BELAY_FLAGS_URL'],
  [
    'an address that is none',
    { ...good, url: 'belay:80' },
    'url is the address of the server, such as https://belay.example.test; got "belay:80"',
  ],
  ['no key', { url: good.url }, 'which environment? Give the option key or set BELAY_FLAGS_KEY'],
  ['a key of a web page', { ...good, key: 'bck_1' }, 'make one of kind server (bsk_…)'],
  ['a key with blanks', { ...good, key: 'bsk 1' }, 'key is a server key'],
  ['an option that there is not', { ...good, cacheDir: '/x' }, 'there is no option cacheDir; there are url, key, bootstrap, cacheFolder'],
  ['a number of seconds', { ...good, pollIntervalMs: 30 }, 'pollIntervalMs is a number of milliseconds from 1000 to 86400000; got 30'],
  ['no number', { ...good, initTimeoutMs: Number.NaN }, 'initTimeoutMs is a number of milliseconds from 0'],
  ['a folder that is none', { ...good, spoolFolder: true }, 'spoolFolder is the path of a folder; got true'],
  ['a bootstrap that is none', { ...good, bootstrap: 7 }, 'bootstrap is a flagd document or the path of a file; got 7'],
  ['a report that is none', { ...good, report: { counts: 'yes' } }, 'report.counts is true or false; got "yes"'],
  ['streaming that is none', { ...good, streaming: 1 }, 'streaming is true or false; got 1'],
])('%s is refused with a sentence', (_, options, sentence) => {
  expect(() => readOptions(options, {})).toThrow(sentence)
})

test('a wrong key is not shown', () => {
  expect(() => createBelayProvider({ ...good, key: 'secret with blanks' })).toThrow(/^((?!secret with).)*$/)
})
