import { defineProblems, sayBytes, sayCount } from '@belay/base'

/** One change that somebody else made meanwhile, for the sentence of `segment-changed`. */
export type ChangeMeanwhile = { readonly version: number; readonly at: number; readonly actor: string; readonly says: string }

const near = (names: readonly string[]) => (names.length > 0 ? ` Did you mean ${names.join(' or ')}?` : '')
const shown = (text: string) => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)

export const segmentProblem = defineProblems({
  'unknown-segment': {
    status: 404,
    say: (f: { key: string; near: readonly string[] }) =>
      `There is no segment ${f.key}.${near(f.near)} belay segment ls shows all of them.`,
  },
  'segment-key-invalid': {
    status: 422,
    say: (f: { key: string }) =>
      `${shown(f.key)} cannot name a segment. Begin with a letter or digit, then letters, digits and . _ - : / up to 200 characters.`,
  },
  'segment-key-taken': {
    status: 409,
    say: (f: { key: string }) => `A segment named ${f.key} already exists. Pick another key or change that segment.`,
  },
  'segment-changed': {
    status: 409,
    say: (f: { key: string; yours: number; now: number; changes: readonly ChangeMeanwhile[] }) =>
      `Segment ${f.key} was changed meanwhile: yours was made from version ${f.yours}, the newest is ${f.now}.${
        f.changes.length === 0 ? '' : ` ${f.changes.map((it) => `${it.actor} ${it.says} (version ${it.version}).`).join(' ')}`
      } Look at it again, then repeat what is still needed.`,
  },
  'segment-in-use': {
    status: 409,
    say: (f: { key: string; usedBy: readonly string[] }) =>
      `Segment ${f.key} is used by ${f.usedBy.slice(0, 5).join(', ')}${f.usedBy.length > 5 ? ` and ${f.usedBy.length - 5} more` : ''}. Take it out of their rules first.`,
  },
  'segment-rule-or-keys': {
    status: 422,
    say: (f: { key: string }) => `Segment ${f.key} is either a rule or a list of keys. Send one of the two.`,
  },
  'segment-not-a-list': {
    status: 422,
    say: (f: { key: string }) => `Segment ${f.key} is a rule and has no keys. Change its rule, or make a list under another key.`,
  },
  'segment-not-a-rule': {
    status: 422,
    say: (f: { key: string }) =>
      `Segment ${f.key} is a list of keys and has no rule. Add or remove keys, or make a rule under another key.`,
  },
  'segment-ref-unknown': {
    status: 422,
    say: (f: { key: string; ref: string; near: readonly string[] }) =>
      `The rule of segment ${f.key} names ${shown(f.ref)}, which is no segment.${near(f.near)} A rule may name other segments as {"$ref": "segment:KEY"}.`,
  },
  'segment-cycle': {
    status: 422,
    say: (f: { key: string; path: readonly string[] }) =>
      `The rule of segment ${f.key} would come back to itself: ${f.path.join(' -> ')}. Take one of these references out.`,
  },
  'segment-bad-key': {
    status: 422,
    say: (f: { key: string; value: string; because: string }) => `${shown(f.value)} cannot stand in the list ${f.key}: it ${f.because}.`,
  },
  'segment-bad-line': {
    status: 422,
    say: (f: { key: string; line: number; because: string }) =>
      `Line ${f.line.toLocaleString('en')} of the upload for ${f.key} ${f.because}. Nothing was changed; the list is as it was.`,
  },
  'segment-too-large': {
    status: 413,
    say: (f: { key: string; max: number; maxBytes: number }) =>
      `A list holds at most ${sayCount(f.max, 'key')} and ${sayBytes(f.maxBytes)}, and ${f.key} would pass that; nothing was changed. Describe so many by a rule over an attribute instead.`,
  },
  'segments-too-large': {
    status: 413,
    say: (f: { key: string; max: number }) =>
      `All lists together hold at most ${sayCount(f.max, 'key')}, and with this change of ${f.key} they would pass that; nothing was changed. Remove lists that nothing uses.`,
  },
  'segment-too-many-at-once': {
    status: 413,
    say: (f: { key: string; max: number }) =>
      `A change of ${f.key} adds and removes at most ${sayCount(f.max, 'key')} each. Upload the whole list instead: belay segment upload ${f.key} FILE.`,
  },
  'too-many-segments': {
    status: 409,
    say: (f: { max: number }) => `There are ${sayCount(f.max, 'segment')}, and more than that are not kept. Remove some that nothing uses.`,
  },
  'segment-upload-lost': {
    status: 409,
    say: (f: { key: string }) =>
      `The upload for ${f.key} stood still for so long that it was cleared away; the list is as it was. Upload it again.`,
  },
})
