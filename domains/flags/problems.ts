import { defineProblems } from '@belay/base'
import type { DiffLineWire } from '@belay/protocol'

const near = (name: string | null) => (name === null ? '' : ` Did you mean ${name}?`)
const short = (value: unknown) => {
  const text = value === undefined ? 'nothing' : JSON.stringify(value)
  return text.length > 60 ? `${text.slice(0, 59)}…` : text
}
const sayDiff = (diff: readonly DiffLineWire[]) =>
  diff
    .slice(0, 3)
    .map((it) => `${it.path}: ${short(it.before)} → ${short(it.after)}`)
    .join('; ') + (diff.length > 3 ? `; and ${diff.length - 3} more` : '')

export const flagProblem = defineProblems({
  'flag-unknown': {
    status: 404,
    say: (f: { key: string; near: string | null }) => `There is no flag ${f.key}.${near(f.near)} belay flag ls shows all of them.`,
  },
  'flag-key-taken': {
    status: 409,
    say: (f: { key: string; archived: boolean }) =>
      f.archived
        ? `${f.key} is an archived flag. Take it back (belay flag unarchive ${f.key}) or choose another key.`
        : `There is a flag ${f.key} already. Change that one, or choose another key.`,
  },
  'flags-too-many': {
    status: 422,
    say: (f: { max: number }) =>
      `There are ${f.max} flags, which is the most. Archived flags count: remove what the code no longer mentions.`,
  },
  'flag-invalid': {
    status: 422,
    say: (f: { key: string; field: string; because: string }) => `${f.key} cannot be so: ${f.field}: ${f.because}.`,
  },
  'flag-changed': {
    status: 409,
    say: (f: { key: string; version: number; newest: number; by: string; says: string; diff: readonly DiffLineWire[] }) =>
      `${f.key} is no longer at version ${f.version}: ${f.by} ${f.says} (version ${f.newest}: ${sayDiff(f.diff)}). Look at it and make your change again.`,
  },
  'flag-cycle': {
    status: 422,
    say: (f: { key: string; way: readonly string[] }) =>
      `${f.key} would need itself: ${f.way.join(' -> ')}. Leave one of these prerequisites out.`,
  },
  'flag-needed': {
    status: 409,
    say: (f: { key: string; by: readonly string[] }) =>
      `${f.by.join(', ')} ${f.by.length === 1 ? 'needs' : 'need'} ${f.key} as a prerequisite. Change ${f.by.length === 1 ? 'that' : 'those'} first.`,
  },
  'flag-archived': { status: 409, say: (f: { key: string }) => `${f.key} is archived. Take it back first: belay flag unarchive ${f.key}` },
  'flag-version-unknown': {
    status: 404,
    say: (f: { key: string; version: number; newest: number }) => `${f.key} has no version ${f.version}; it has 1 to ${f.newest}.`,
  },
  'flag-environment-unknown': {
    status: 404,
    say: (f: { environment: string; known: readonly string[] }) =>
      `There is no environment ${f.environment}. There are: ${f.known.join(', ')}.`,
  },
  'flag-not-killed': {
    status: 409,
    say: (f: { key: string; environment: string }) =>
      `${f.key} is not killed ${f.environment === '*' ? 'everywhere' : `in ${f.environment}`}, so there is nothing to restore.`,
  },
  'change-needs-time': {
    status: 422,
    say: (f: { at: string }) => `${f.at} is not a time from now to a year ahead. Give a time in the future, or none.`,
  },
  'kill-cannot-wait': { status: 422, say: () => 'A kill is done at once; it cannot be scheduled. Turn the flag off at that time instead.' },
  'proposal-unknown': {
    status: 404,
    say: (f: { id: string }) => `There is no proposal ${f.id}. belay flag proposals shows those that wait.`,
  },
  'proposal-closed': {
    status: 409,
    say: (f: { id: string; state: string }) =>
      f.state === 'void'
        ? `${f.id} is void: its flag was changed after it was made. Make the change again.`
        : `${f.id} was ${f.state} already.`,
  },
  'proposal-hash-differs': {
    status: 409,
    say: (f: { id: string; hash: string }) =>
      `${f.id} has the content hash ${f.hash}, not the one that was approved. Look at it again: belay flag proposals`,
  },
  'proposal-own': { status: 403, say: (f: { id: string; by: string }) => `${f.by} made ${f.id}; somebody else must approve it.` },
  'scheduled-unknown': { status: 404, say: (f: { id: string }) => `There is no scheduled change ${f.id} that still waits.` },
  'scheduled-too-many': {
    status: 422,
    say: (f: { key: string; max: number }) => `${f.key} has ${f.max} scheduled changes that wait, which is the most.`,
  },
  'ring-taken': { status: 409, say: (f: { name: string }) => `There is a ring ${f.name} already.` },
  'ring-unknown': {
    status: 404,
    say: (f: { name: string; known: readonly string[] }) => `There is no ring ${f.name}. The ladder is ${f.known.join(', ')}.`,
  },
  'ring-of-file': {
    status: 409,
    say: (f: { name: string }) => `The ring ${f.name} stands in belay.yaml. Change it there; the server follows within a second.`,
  },
  'ring-climbed': {
    status: 409,
    say: (f: { name: string; by: readonly string[] }) =>
      `${f.by.slice(0, 5).join(', ')} ${f.by.length === 1 ? 'climbs' : 'climb'} or ${f.by.length === 1 ? 'names' : 'name'} the ring ${f.name}. Move ${f.by.length === 1 ? 'it' : 'them'} to another ring first.`,
  },
  'ring-invalid': { status: 422, say: (f: { name: string; because: string }) => `The ring ${f.name} cannot be so: ${f.because}.` },
  'rings-too-many': { status: 422, say: (f: { max: number }) => `The ladder has ${f.max} rings, which is the most.` },
})
