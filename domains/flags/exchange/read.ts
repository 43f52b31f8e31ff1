/** A document of any of the formats, as flags and segments that could be made here. Touches nothing. */
import { readFlagd } from './flagd.ts'
import { readGrowthBook } from './growthbook/read.ts'
import { parseDocument } from './json.ts'
import { exchangeProblem } from './problems.ts'
import type { ExchangeFormat, Read, ReadOptions } from './types.ts'
import { readUnleash } from './unleash/read.ts'

const readers: Readonly<Record<ExchangeFormat, (document: unknown, options: ReadOptions) => Read>> = {
  flagd: readFlagd,
  unleash: readUnleash,
  growthbook: readGrowthBook,
}

/** More is not read; it is the same sentence about the next strategy. */
const notesMax = 20
const shortened = (notes: readonly string[]) => [
  ...notes.slice(0, notesMax - 1),
  `And ${notes.length - notesMax + 1} more notes of this kind.`,
]

/**
 * @throws Problem `import-too-large`, `import-not-json` (with line and column), `import-not-format` (with the path in
 *   the document), `import-environment-unclear`, `import-nothing`. A flag that cannot be used keeps no other from it.
 */
export function readImport(format: ExchangeFormat, text: string, options: Partial<ReadOptions> = {}): Read {
  const read = readers[format](parseDocument(text), { environment: '*', environments: [], hasSegment: () => false, ...options })
  if (read.flags.length === 0 && read.segments.length === 0) throw exchangeProblem('import-nothing', undefined)
  return { ...read, flags: read.flags.map((flag) => (flag.notes.length > notesMax ? { ...flag, notes: shortened(flag.notes) } : flag)) }
}
