/** What a change makes of a flag, what differs, and how it is said. Pure. */
import { canonicalJson } from '@belay/base'
import { type DiffLineWire, everyEnvironment, type FlagChangeWire } from '@belay/protocol'
import { flagProblem } from '../problems.ts'
import { compileFlag } from './compile.ts'
import { type EnvironmentInfo, everybody, type Exposure, type Flag, type Ladder, type Setting, settingIn, typeOf } from './flag.ts'

export type Change = FlagChangeWire
type Under = { readonly at: number; readonly by: string; readonly versions: (version: number) => Flag | undefined }

/** The flag after the change, one version on. What must hold of it is checked afterwards (`checkFlag`). */
export function applyChange(flag: Flag, change: Change, under: Under): Flag {
  if (flag.archivedAt !== null && change.do !== 'unarchive' && change.do !== 'revert') throw flagProblem('flag-archived', { key: flag.key })
  const next = changed(flag, change, under)
  return { ...next, version: flag.version + 1, changedAt: under.at, changedBy: under.by }
}

function changed(flag: Flag, change: Change, { at, by, versions }: Under): Flag {
  switch (change.do) {
    case 'edit': {
      const given = Object.fromEntries(Object.entries(change.set).filter(([, value]) => value !== undefined)) as Partial<Flag>
      return { ...flag, ...given, ...(given.variants ? { type: typeOf(Object.values(given.variants)[0]) } : {}) }
    }
    case 'configure':
      return withSetting(flag, change.environment, defined(change.setting))
    case 'on':
      return withSetting(flag, change.environment, { state: 'ENABLED' })
    case 'off':
      return withSetting(flag, change.environment, { state: 'DISABLED' })
    case 'expose':
      return withSetting(flag, change.environment, { exposure: change.exposure })
    case 'inherit': {
      const { [change.environment]: _, ...settings } = flag.settings
      return { ...flag, settings: { ...settings, [everyEnvironment]: flag.settings[everyEnvironment] as Setting } }
    }
    case 'kill':
      return { ...flag, killed: { ...flag.killed, [change.environment]: { at, by, reason: change.reason } } }
    case 'restore': {
      if (!flag.killed[change.environment]) throw flagProblem('flag-not-killed', { key: flag.key, environment: change.environment })
      const { [change.environment]: _, ...killed } = flag.killed
      return { ...flag, killed }
    }
    case 'revert': {
      const before = versions(change.to)
      if (!before) throw flagProblem('flag-version-unknown', { key: flag.key, version: change.to, newest: flag.version })
      const { key, salt, bucketing, createdAt, createdBy, killed } = flag
      // What never changes is the flag's, not the version's; and a kill is taken back by nothing but a restore.
      return { ...before, key, salt, bucketing, createdAt, createdBy, killed }
    }
    case 'archive':
      return { ...flag, archivedAt: at }
    case 'unarchive':
      return { ...flag, archivedAt: null }
  }
}

function withSetting(flag: Flag, environment: string, part: Partial<Setting>): Flag {
  const { setting } = settingIn(flag, environment)
  return { ...flag, settings: { ...flag.settings, [environment]: { ...setting, ...part } } }
}

const defined = (it: Readonly<Record<string, unknown>>): Partial<Setting> =>
  Object.fromEntries(Object.entries(it).filter(([, value]) => value !== undefined)) as Partial<Setting>

/** Members that make up a flag; the others tell of its history. */
const content = [
  'description',
  'kind',
  'owner',
  'expiresAt',
  'tags',
  'variants',
  'prerequisites',
  'settings',
  'killed',
  'metadata',
  'archivedAt',
] as const
export const contentOf = (flag: Flag) => Object.fromEntries(content.map((member) => [member, flag[member]]))
/** Members that are shown whole: their inside means nothing alone. */
const whole = /(^|\.)(targeting|tags|prerequisites)$|^variants\.[^.]+$|^killed\.[^.]+$/

/** What differs, by path, in the order of the flag's members. */
export function diffOf(before: Flag, after: Flag): DiffLineWire[] {
  const lines: DiffLineWire[] = []
  const walk = (path: string, a: unknown, b: unknown): void => {
    if (same(a, b)) return
    if (isBag(a) && isBag(b) && !whole.test(path)) {
      for (const member of new Set([...Object.keys(a), ...Object.keys(b)]))
        walk(path === '' ? member : `${path}.${member}`, a[member], b[member])
      return
    }
    lines.push({
      path,
      ...(a === undefined ? {} : { before: a as DiffLineWire['before'] }),
      ...(b === undefined ? {} : { after: b as DiffLineWire['after'] }),
    })
  }
  walk('', contentOf(before), contentOf(after))
  return lines
}
const same = (a: unknown, b: unknown): boolean => a === b || (a !== undefined && b !== undefined && canonicalJson(a) === canonicalJson(b))
const isBag = (it: unknown): it is Record<string, unknown> => typeof it === 'object' && it !== null && !Array.isArray(it)

/** The environments whose clients would be served something else. */
export function touched(
  before: Flag | undefined,
  after: Flag,
  environments: readonly EnvironmentInfo[],
  ladder: Ladder,
): EnvironmentInfo[] {
  const served = (flag: Flag | undefined, environment: string) =>
    flag === undefined || flag.archivedAt !== null ? null : [compileFlag(flag, environment, ladder), flag.prerequisites]
  return environments.filter(({ name }) => !same(served(before, name), served(after, name)))
}

const inWords = (environment: string) => (environment === everyEnvironment ? '' : ` in ${environment}`)
const percent = (it: number) => `${Number(it.toFixed(3))}%`

/** "on to qa and staff, 50% of early-access". */
export function sayExposure(exposure: Exposure, ladder: Ladder): string {
  const at = ladder.findIndex((ring) => ring.name === exposure.ring)
  const below = at < 0 ? [] : ladder.slice(0, at).map((ring) => ring.name)
  const what = sayServed(exposure)
  if (exposure.percent >= 100) return exposure.ring === everybody ? `${what} to all` : `${what} to ${sayList([...below, exposure.ring])}`
  if (exposure.percent <= 0) return below.length === 0 ? `${what} to nobody` : `${what} to ${sayList(below)}`
  return `${what} to ${[...(below.length === 0 ? [] : [sayList(below)]), `${percent(exposure.percent)} of ${exposure.ring}`].join(', ')}`
}

function sayServed({ serve }: Exposure): string {
  const served = Object.entries(serve).filter(([, weight]) => weight > 0)
  const sum = served.reduce((total, [, weight]) => total + weight, 0)
  return served.length === 1
    ? String(served[0]?.[0])
    : served.map(([variant, weight]) => `${variant} ${percent((100 * weight) / sum)}`).join(' / ')
}
const sayList = (names: readonly string[]) => (names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`)

/** What somebody did, as a fact says it: a verb first, no actor, no full stop. */
export function sayChange(flag: Flag, change: Change, ladder: Ladder, diff: readonly DiffLineWire[]): string {
  const { key } = flag
  switch (change.do) {
    case 'edit':
      return `changed ${sayList([...new Set(diff.map((it) => it.path.split('.')[0] ?? it.path))]) || 'nothing'} of ${key}`
    case 'configure':
      return `set ${sayList([...new Set(diff.map((it) => it.path.split('.').slice(2, 3)[0] ?? 'a setting of its own'))]) || 'nothing'} of ${key}${inWords(change.environment)}`
    case 'inherit':
      return `let ${key} be in ${change.environment} as everywhere else`
    case 'on':
    case 'off':
      return `turned ${key} ${change.do}${inWords(change.environment)}`
    case 'expose':
      return change.exposure === null
        ? `took ${key} back to its default for everybody${inWords(change.environment)}`
        : `exposed ${key}${inWords(change.environment)}: ${sayExposure(change.exposure, ladder)}`
    case 'kill':
      return `killed ${key}${inWords(change.environment)}: ${change.reason}`
    case 'restore':
      return `restored ${key}${inWords(change.environment)} after its kill`
    case 'revert':
      return `reverted ${key} to version ${change.to}`
    case 'archive':
      return `archived ${key}`
    case 'unarchive':
      return `took ${key} back from the archive`
  }
}

const infinitives: Readonly<Record<string, string>> = {
  changed: 'change',
  turned: 'turn',
  took: 'take',
  exposed: 'expose',
  restored: 'restore',
  reverted: 'revert',
  archived: 'archive',
}
/** The same of what is not done yet: `expose f: on to all`. */
export const asPlan = (says: string): string => says.replace(/^\w+/, (verb) => infinitives[verb] ?? verb)
