import { describe, expect, test } from 'vitest'
import { exampleCloudFile } from './example.ts'
import { readCloudFile } from './read.ts'

const said = (calls: string): string[] => {
  // The example's own rules, if it has some, make room.
  const without = exampleCloudFile.replace(/^calls:.*\n(?:[ \t#].*\n|\n)*/m, '')
  return readCloudFile(`${without}\n${calls}`, 'belay.yaml').problems.map(({ field, message }) => `${field}: ${message}`)
}

describe('rules of calls', () => {
  test('that are good are not spoken of', () => {
    expect(
      said(`calls:
  methods:
    - { path: '/rpc/:noun/:verb', verb: POST, name: '{noun}.{verb}' }
    - { path: /jsonrpc, name: '{body.method}' }
    - { path: '/op/*', name: '{header.x-operation}' }
    - { path: '/op/*', name: Operation }
  account: [header.X-Account, query.account]
  audiences:
    - robots: { var: robot }
    - staff: { ends_with: [{ var: header.x-user }, '@example.com'] }
    - paying: { in: [{ var: account }, [a, b]] }
    - others
`),
    ).toEqual([])
  })

  test.each([
    [
      "methods: [{ path: '/rpc/:noun', name: '{noun}.{verb}' }]",
      'calls.methods[0].name: there is no :verb in the path /rpc/:noun; it has :noun',
    ],
    [
      "methods: [{ path: /rpc, name: '{noun' }]",
      'calls.methods[0].name: {noun has a brace too many or a name that is none; write for example {noun}.{verb}',
    ],
    ["methods: [{ path: '/a/*/b', name: a }]", 'calls.methods[0].path: in /a/*/b a star stands elsewhere than at the end, as /*'],
    ["methods: [{ path: '/a/:x/:x', name: a }]", 'calls.methods[0].path: :x is twice in /a/:x/:x'],
    ["methods: [{ path: /a, verb: GET, name: '{body.method}' }]", 'calls.methods[0].name: a GET has no body to read {body.method} from'],
    [
      "methods: [{ path: '/a/*', name: A }, { path: '/a/:b', verb: GET, name: '{b}' }]",
      'calls.methods[1].path: nothing comes this far: /a/* above takes all that /a/:b would',
    ],
    [
      'audiences: [everybody, { staff: { var: robot } }]',
      'calls.audiences[1].staff: everybody above takes everybody, so nobody is left for staff',
    ],
    [
      'audiences: [{ staff: { var: role } }]',
      'calls.audiences[0].staff: a call has no role; a rule may read method, verb, path, account, robot, header.NAME, query.NAME',
    ],
    ['audiences: [{ staff: { var: header.X-Role } }]', 'calls.audiences[0].staff: names of headers are in lower case here: header.x-role'],
    ['audiences: [{ staff: { vra: robot } }]', 'calls.audiences[0].staff: {"vra":"robot"} is not a good rule: there is no operator "vra"'],
    [
      'audiences: [{ staff: { var: { var: robot } } }]',
      'calls.audiences[0].staff: {"var":{"var":"robot"}} reads more than names of attributes, so nobody can tell which headers it needs',
    ],
  ])('%s', (rules, sentence) => {
    expect(said(`calls: { ${rules} }\n`)).toEqual([sentence])
  })
})
