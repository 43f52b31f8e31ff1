/** The keyboard: one table that the handler and the `?` help share. Sequences are keys parted by a space. */
export const goTo = [
  { keys: 'g n', says: 'Now', to: '/' },
  { keys: 'g r', says: 'Releases', to: '/releases' },
  { keys: 'g d', says: 'Deployments', to: '/deployments' },
  { keys: 'g e', says: 'Environments', to: '/environments' },
  { keys: 'g f', says: 'Flags', to: '/flags' },
  { keys: 'g i', says: 'Rings', to: '/rings' },
  { keys: 'g s', says: 'Segments', to: '/segments' },
  { keys: 'g k', says: 'Client keys', to: '/client-keys' },
  { keys: 'g c', says: 'Calls', to: '/calls' },
  { keys: 'g h', says: 'Changes of cost', to: '/calls/changes' },
  { keys: 'g o', says: 'Cost of flags', to: '/calls/flags' },
  { keys: 'g w', says: 'Network', to: '/network' },
  { keys: 'g b', says: 'Compare networks', to: '/network/compare' },
  { keys: 'g t', says: 'Slow calls', to: '/network/calls' },
  { keys: 'g l', says: 'Ledger', to: '/ledger' },
  { keys: 'g a', says: 'Access', to: '/access' },
] as const

export const otherKeys = [
  { keys: 'Ctrl k', says: 'Go anywhere, do anything' },
  { keys: '/', says: 'To the filter of this page' },
  { keys: 'j', says: 'Next row' },
  { keys: 'k', says: 'Row before' },
  { keys: 'Enter', says: 'Open the row, show the step' },
  { keys: '← ↑ ↓ →', says: 'From step to step on a timeline' },
  { keys: '← → + − 0', says: 'Move, zoom and show all on a graph of a session' },
  { keys: '?', says: 'This list' },
] as const

/** A sequence must be typed within this time, or a stray `g` would wait for ever. */
export const sequenceMs = 1_200

export type Typed = { readonly keys: readonly string[]; readonly at: number }

/** What the keys typed so far mean: a sequence's name, or what to remember until the next key. */
export function readKey(before: Typed, key: string, at: number, sequences: readonly string[]): { hit: string | undefined; next: Typed } {
  const recent = at - before.at <= sequenceMs ? before.keys : []
  for (const keys of [[...recent, key], [key]]) {
    const text = keys.join(' ')
    if (sequences.includes(text)) return { hit: text, next: { keys: [], at } }
    if (sequences.some((sequence) => sequence.startsWith(`${text} `))) return { hit: undefined, next: { keys, at } }
  }
  return { hit: undefined, next: { keys: [], at } }
}
