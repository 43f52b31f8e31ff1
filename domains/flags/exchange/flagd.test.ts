import type { JsonLogic } from '@belay/flag-evaluator'
import { flagKinds, type FlagWire } from '@belay/protocol'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type ExportedSegment, writeExport } from './export.ts'
import { served } from './fixtures.ts'
import { wholeFlag } from './apply.ts'
import { readImport } from './read.ts'
import type { ImportedSegment, ReadOptions } from './types.ts'

const read = (document: unknown, options: Partial<ReadOptions> = {}) =>
  readImport('flagd', typeof document === 'string' ? document : JSON.stringify(document), options)

/** As it would be exported again, without a server between. */
function again(text: string): string {
  const { flags, segments, setMetadata, shape } = readImport('flagd', text)
  const contents = flags.flatMap(({ flag }) => (flag ? [flag] : []))
  return JSON.stringify(writeExport(contents, segments.flatMap(exported), setMetadata ?? {}, shape))
}
function exported({ key, content, description }: ImportedSegment): ExportedSegment[] {
  if (content === null) return []
  const it = { key, description: description ?? '' }
  if ('rule' in content) return [{ ...it, kind: 'rule', rule: content.rule as ExportedSegment['rule'], by: 'targetingKey', size: 0 }]
  return [
    { ...it, kind: 'list', rule: null, by: content.by, size: content.keys?.length ?? 0, ...(content.keys ? { keys: content.keys } : {}) },
  ]
}

const shop = {
  $schema: 'https://flagd.dev/schema/v0/flags.json',
  flags: {
    'new-checkout': {
      variants: { on: true, off: false },
      state: 'ENABLED',
      defaultVariant: 'off',
      targeting: {
        if: [
          { $ref: 'isStaff' },
          'on',
          {
            fractional: [
              ['on', 10],
              ['off', 90],
            ],
          },
        ],
      },
      metadata: { team: 'pay', since: 3 },
    },
    colour: { state: 'DISABLED', variants: { red: 'r', blue: 'b' }, defaultVariant: null, targeting: {}, metadata: {} },
    limits: { state: 'ENABLED', variants: { low: { rate: 1 }, high: { rate: 9, burst: [1, 2] } } },
  },
  $evaluators: { isStaff: { ends_with: [{ var: 'email' }, '@example.com'] }, nobodyUses: { '==': [{ $ref: 'isStaff' }, true] } },
  metadata: { version: '17', flagSetId: 'shop' },
}

describe('a flagd document', () => {
  test('becomes flags and rule segments, and is written as it was', () => {
    const text = JSON.stringify(shop)
    expect(again(text)).toBe(text)
    const { flags, segments, setMetadata } = read(text)
    expect(flags.map(({ carried, notes }) => [carried, notes])).toEqual([
      ['exactly', []],
      ['exactly', []],
      ['exactly', []],
    ])
    expect(flags[0]?.flag).toEqual({
      key: 'new-checkout',
      variants: { on: true, off: false },
      metadata: { team: 'pay', since: 3 },
      settings: {
        '*': {
          state: 'ENABLED',
          defaultVariant: 'off',
          targeting: {
            if: [
              { $ref: 'segment:isStaff' },
              'on',
              {
                fractional: [
                  ['on', 10],
                  ['off', 90],
                ],
              },
            ],
          },
          exposure: null,
        },
      },
    })
    expect(segments.map(({ key, content }) => [key, content])).toEqual([
      ['isStaff', { rule: shop.$evaluators.isStaff }],
      ['nobodyUses', { rule: { '==': [{ $ref: 'segment:isStaff' }, true] } }],
    ])
    expect(setMetadata).toEqual({ version: '17', flagSetId: 'shop' })
  })

  test('the list form, members that flagd does not know and odd orders are written as they were', () => {
    for (const document of [
      {
        flags: [
          { key: 'a', state: 'ENABLED', variants: { x: 1 } },
          { state: 'DISABLED', key: 'b', variants: { y: 's' }, defaultVariant: 'y' },
        ],
      },
      { metadata: {}, flags: { a: { comment: 'mine', state: 'ENABLED', variants: { x: 1 } } }, $evaluators: {}, ours: [1] },
      { $schema: 'other', flags: {}, $evaluators: { e: true } },
    ]) {
      const text = JSON.stringify(document)
      expect(again(text)).toBe(text)
    }
  })

  test('written and read again, any document is what it was', () => {
    const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,8}$/).filter((it) => !['constructor', 'prototype'].includes(it))
    const metadata = fc.dictionary(fc.stringMatching(/^[a-z]{1,6}$/), fc.oneof(fc.string({ maxLength: 10 }), fc.integer(), fc.boolean()), {
      maxKeys: 3,
      noNullPrototype: true,
    })
    const rule = fc.oneof(
      fc.record({ '==': fc.tuple(fc.record({ var: name }), fc.integer()) }),
      fc.record({ if: fc.tuple(fc.record({ $ref: fc.constantFrom('one', 'two') }), fc.constantFrom('a', 'b')) }),
      fc.record({ fractional: fc.tuple(fc.tuple(fc.constant('a'), fc.nat(9)), fc.tuple(fc.constant('b'), fc.nat(9))) }),
    )
    const flag = fc
      .record(
        {
          state: fc.constantFrom('ENABLED', 'DISABLED'),
          variants: fc.dictionary(fc.constantFrom('a', 'b', '1'), fc.jsonValue({ maxDepth: 2, noUnicodeString: true } as never), {
            minKeys: 1,
            noNullPrototype: true,
          }),
          defaultVariant: fc.constantFrom('a', null),
          targeting: fc.oneof(rule, fc.constant({})),
          metadata,
        },
        { requiredKeys: ['state', 'variants'] },
      )
      .chain((it) => fc.shuffledSubarray(Object.entries(it), { minLength: Object.keys(it).length }))
      .map((entries) => Object.fromEntries(entries))
    const document = fc
      .record(
        {
          $schema: fc.constant('s'),
          flags: fc.dictionary(name, flag, { maxKeys: 5, minKeys: 1, noNullPrototype: true }),
          $evaluators: fc.dictionary(fc.constantFrom('one', 'two', 'three'), rule, { noNullPrototype: true }),
          metadata,
        },
        { requiredKeys: ['flags'] },
      )
      .chain((it) => fc.shuffledSubarray(Object.entries(it), { minLength: Object.keys(it).length }))
      .map((entries) => JSON.stringify(Object.fromEntries(entries)))
      .filter((text) => !text.includes('__proto__'))
    fc.assert(
      fc.property(document, (text) => {
        expect(again(text)).toBe(text)
      }),
    )
  })

  test('evaluates here as it does there', () => {
    const set = served(read(shop))
    expect(set.evaluate('new-checkout', { targetingKey: 'u', email: 'a@example.com' }, 0)).toMatchObject({
      variant: 'on',
      reason: 'TARGETING_MATCH',
    })
  })

  test('goes to one environment when that is asked for', () => {
    expect(read(shop, { environment: 'qa' }).flags.map(({ flag }) => Object.keys(flag?.settings ?? {}))).toEqual([['qa'], ['qa'], ['qa']])
  })

  test('a flag that cannot be used keeps no other from it', () => {
    const text = `{"flags": {
      "__proto__": {"state": "ENABLED", "variants": {"a": 1}},
      "constructor": {"state": "ENABLED", "variants": {"a": 1}},
      "with space": {"state": "ENABLED", "variants": {"a": 1}},
      "deep": {"state": "ENABLED", "variants": {"a": 1}, "targeting": ${'{"!":['.repeat(150)}1${']}'.repeat(150)}},
      "poisoned": {"state": "ENABLED", "variants": {"a": {"__proto__": {"x": 1}}}},
      "variant": {"state": "ENABLED", "variants": {"constructor": 1}},
      "none": {"state": "ENABLED", "variants": {}},
      "state": {"state": "on", "variants": {"a": 1}},
      "default": {"state": "ENABLED", "variants": {"a": 1}, "defaultVariant": 3},
      "ref": {"state": "ENABLED", "variants": {"a": 1}, "targeting": {"if": [{"$ref": "is staff"}, "a"]}},
      "list": [],
      "metadata": {"state": "ENABLED", "variants": {"a": 1}, "metadata": {"ok": 1, "bad": {}}},
      "belay": {"state": "ENABLED", "variants": {"a": 1}, "belay": {"kind": "important"}},
      "good": {"state": "ENABLED", "variants": {"a": 1}}
    }, "$evaluators": {"is staff": true}}`
    const { flags, segments } = read(text)
    expect(Object.getPrototypeOf({})).toBe(Object.prototype)
    expect(flags.filter(({ carried }) => carried !== 'not').map(({ key, carried }) => [key, carried])).toEqual([
      ['metadata', 'approximately'],
      ['good', 'exactly'],
    ])
    const notes = Object.fromEntries(flags.map((flag) => [flag.key, flag.notes[0]]))
    expect(notes['with space']).toContain('flags.with space: "with space" is no key here')
    expect(notes.deep).toBe('flags.deep: it is nested deeper than 100 levels.')
    expect(notes.poisoned).toContain('flags.poisoned: it has a member __proto__')
    expect(notes.state).toBe('flags.state.state: it is ENABLED or DISABLED, not "on".')
    expect(notes.ref).toContain('flags.ref.targeting: it refers to $evaluators.is staff, which cannot be taken')
    expect(notes.belay).toContain('flags.belay.belay.kind')
    expect(segments).toMatchObject([{ key: 'is staff', content: null }])
  })

  test.each([
    ['{"flags": 3}', 'flags is neither an object nor a list.'],
    [
      '{"features": {"a": {}}}',
      'flags is missing. Expected a flagd document: {"flags": {KEY: {"state": …, "variants": …}}}. It looks like a payload of GrowthBook: try that format.',
    ],
    ['[1]', 'The document is no object.'],
    ['{"flags": {}, "metadata": {"a": []}}', 'metadata.a is no text'],
    ['{"flags": {}}', 'The document has no flags and no segments'],
    ['{"flags": {"a"}}', 'The document is not JSON: line 1, column 15: a colon is missing here.'],
  ])('%s is refused with a sentence', (text, sentence) => {
    expect(() => read(text)).toThrow(sentence)
  })
})

describe('an export', () => {
  const json = fc.constantFrom(true, 'text', 3)
  const setting = (variants: string[]) =>
    fc.record({
      state: fc.constantFrom('ENABLED' as const, 'DISABLED' as const),
      defaultVariant: fc.constantFrom(null, ...variants),
      targeting: fc.constantFrom<JsonLogic>(
        null,
        { if: [{ $ref: 'segment:vips' }, 'a'] },
        { if: [{ $ref: 'ring:qa' }, 'a'] },
      ) as fc.Arbitrary<FlagWire['settings'][string]['targeting']>,
      exposure: fc.oneof(
        fc.constant(null),
        fc.record({
          serve: fc.constantFrom<Record<string, number>>({ a: 1 }, { a: 2, b: 1 }),
          ring: fc.constantFrom('all', 'qa'),
          percent: fc.constantFrom(0, 12.5, 100),
          bucketBy: fc.constantFrom(null, 'company'),
        }),
      ),
    })
  const flag: fc.Arbitrary<FlagWire> = fc.record({
    key: fc.stringMatching(/^[a-z][a-z0-9.-]{0,6}$/).filter((it) => it !== 'constructor' && it !== 'prototype'),
    description: fc.constantFrom('', 'What it does'),
    kind: fc.constantFrom(...flagKinds),
    owner: fc.constantFrom(null, 'ann'),
    expiresAt: fc.constantFrom(null, 1_800_000_000_000),
    tags: fc.constantFrom([], ['money', 'web']),
    type: fc.constant('number' as const),
    variants: json.map((value) => ({ a: value, b: value })),
    salt: fc.constantFrom('own salt', ''),
    bucketing: fc.constantFrom(2 as const, 3 as const),
    prerequisites: fc.constantFrom([], [{ flag: 'other', variant: 'on' }]),
    settings: fc.record({ '*': setting(['a', 'b']), production: setting(['a', 'b']) }, { requiredKeys: ['*'] }),
    killed: fc.constantFrom<FlagWire['killed']>({}, { production: { at: 1, by: 'ann', reason: 'smoke' } }),
    metadata: fc.constantFrom<FlagWire['metadata']>({}, { team: 'pay' }, { kind: 'ops', bucketing: 3 }),
    version: fc.constant(4),
    createdAt: fc.constant(1),
    createdBy: fc.constant('ann'),
    changedAt: fc.constant(2),
    changedBy: fc.constant('ann'),
    archivedAt: fc.constant(null),
  })
  const vips: ExportedSegment = { key: 'vips', description: 'Who pays', kind: 'list', rule: null, by: 'company', size: 2, keys: ['x', 'y'] }

  test('brings everything that we know of a flag, to be read again', () => {
    fc.assert(
      fc.property(fc.uniqueArray(flag, { selector: ({ key }) => key, minLength: 1, maxLength: 4 }), (made) => {
        const flags = made.map((it) => ({ ...it, salt: it.salt || it.key }))
        const document = writeExport(flags, [vips], { version: '3' })
        const back = read(document)
        for (const [index, it] of flags.entries()) {
          const {
            killed,
            version: _,
            createdAt: __,
            createdBy: ___,
            changedAt: ____,
            changedBy: _____,
            archivedAt: ______,
            type: _______,
            ...content
          } = it
          expect(back.flags[index]?.flag).toEqual(content)
          expect(back.flags[index]?.carried).toBe('exactly')
          expect(back.flags[index]?.notes.some((note) => note.includes('was killed in production'))).toBe(Object.keys(killed).length > 0)
        }
        expect(back.segments).toEqual([{ key: 'vips', description: 'Who pays', content: { keys: ['x', 'y'], by: 'company' }, notes: [] }])
        expect(back.setMetadata).toEqual({ version: '3' })
      }),
    )
  })

  test('is a flagd document: flagd finds its members where it looks for them, and rules refer to evaluators', () => {
    const [one] = fc.sample(flag, { numRuns: 1, seed: 1 })
    const staff: ExportedSegment = {
      key: 'staff',
      description: '',
      kind: 'rule',
      rule: { '==': [{ var: 'role' }, 'staff'] },
      by: 'targetingKey',
      size: 0,
    }
    const settings = {
      '*': { state: 'ENABLED' as const, defaultVariant: 'b', targeting: { if: [{ $ref: 'segment:staff' }, 'a'] }, exposure: null },
    }
    expect(
      writeExport(
        [
          {
            ...(one as FlagWire),
            key: 'k',
            salt: 'k',
            kind: 'ops',
            variants: { a: 1, b: 2 },
            metadata: {},
            killed: {},
            settings,
            owner: null,
            description: '',
            expiresAt: null,
            tags: [],
            bucketing: 2,
            prerequisites: [],
          },
        ],
        [staff],
        {},
      ),
    ).toEqual({
      $schema: 'https://flagd.dev/schema/v0/flags.json',
      $evaluators: { staff: { '==': [{ var: 'role' }, 'staff'] } },
      flags: {
        k: {
          state: 'ENABLED',
          variants: { a: 1, b: 2 },
          defaultVariant: 'b',
          targeting: { if: [{ $ref: 'staff' }, 'a'] },
          belay: { kind: 'ops' },
        },
      },
      belay: { version: 1 },
    })
  })

  test('what an export leaves out is as a flag begins; what another document leaves out stays', () => {
    const before = wholeFlag({ key: 'k', variants: { a: 1 }, kind: 'ops', owner: 'ann', settings: {} }, undefined)
    const plain = { flags: { k: { state: 'ENABLED', variants: { a: 1 } } } }
    const after = (document: unknown) => wholeFlag(read(document).flags[0]?.flag ?? expect.fail('no flag'), before)
    expect(after(plain)).toMatchObject({ kind: 'ops', owner: 'ann' })
    expect(after({ ...plain, belay: { version: 1 } })).toMatchObject({ kind: 'release', owner: null })
  })

  test('a list that is too long to travel says how its keys do', () => {
    const { keys: _, ...long } = vips
    const { segments } = read(writeExport([], [{ ...long, size: 5_000 }], {}))
    expect(segments).toEqual([
      {
        key: 'vips',
        description: 'Who pays',
        content: { keys: undefined, by: 'company' },
        notes: ['Its 5000 keys are not in the document; bring them with belay segment upload vips FILE.'],
      },
    ])
  })
})
