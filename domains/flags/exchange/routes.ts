/** Import and export over HTTP. */
import type { Readable } from 'node:stream'
import type { Who } from '@belay/access'
import type { FlagDocument } from '@belay/flag-evaluator'
import type { Api } from '@belay/http'
import { everyEnvironment, type JsonWire, pageMax, routes } from '@belay/protocol'
import { flagProblem } from '../problems.ts'
import type { Segments } from '../segments/types.ts'
import { applyImport, type ImportInto } from './apply.ts'
import { type ExportedSegment, keysInExportMax, writeExport } from './export.ts'
import { documentBytesMax } from './json.ts'
import { exchangeProblem } from './problems.ts'
import { readImport } from './read.ts'

export type Exchange = {
  readonly flags: ImportInto['flags']
  readonly segments: ImportInto['segments'] & Pick<Segments, 'list' | 'download'>
  environments(): readonly string[]
  /** The plain flagd document of one environment, as flagd itself would get it. @throws Problem when there is none. */
  compiled(environment: string): FlagDocument
}

export function exchangeRoutes(api: Api<Who>, exchange: Exchange): void {
  const { flags, segments } = exchange
  api.handle(routes.flags.import, async ({ query: { format, plan, environment }, upload, who }) => {
    const text = await textOf(upload)
    const environments = exchange.environments()
    if (environment !== everyEnvironment && !environments.includes(environment))
      throw flagProblem('flag-environment-unknown', { environment, known: environments })
    const read = readImport(format, text, {
      environment,
      environments,
      hasSegment: (key) => Object.hasOwn(segments.evaluators(), `segment:${key}`),
    })
    return applyImport(read, exchange, { who, plan })
  })
  api.handle(routes.flags.export, async ({ query: { environment } }) => {
    if (environment !== undefined) return exchange.compiled(environment) as JsonWire
    const all = flags
      .all()
      .filter(({ archivedAt }) => archivedAt === null)
      .sort((a, b) => (a.key < b.key ? -1 : 1))
    return writeExport(all, await segmentsOf(segments), await flags.metadata()) as JsonWire
  })
}

/**
 * What is too much is read on and dropped: a client that still sends hears no answer.
 * @throws Problem `import-too-large`, `import-not-text`.
 */
async function textOf(upload: Readable): Promise<string> {
  let chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of upload as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > documentBytesMax) chunks = []
    else chunks.push(chunk)
  }
  if (bytes > documentBytesMax) throw exchangeProblem('import-too-large', { bytesMax: documentBytesMax })
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks))
  } catch (error) {
    throw exchangeProblem('import-not-text', undefined, error)
  }
}

async function segmentsOf(segments: Pick<Segments, 'list' | 'download'>): Promise<ExportedSegment[]> {
  const found: ExportedSegment[] = []
  let after: string | undefined
  for (let more = true; more; ) {
    const page = await segments.list({ after, limit: pageMax })
    for (const segment of page.segments) {
      const isShort = segment.kind === 'list' && segment.size <= keysInExportMax
      found.push(isShort ? { ...segment, keys: await keysOf(await segments.download(segment.key)) } : segment)
    }
    after = page.segments.at(-1)?.key
    more = page.more && after !== undefined
  }
  return found
}

async function keysOf(lines: Readable): Promise<string[]> {
  const chunks: Buffer[] = []
  for await (const chunk of lines as AsyncIterable<Buffer | string>) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
    .toString('utf8')
    .split('\n')
    .filter((key) => key !== '')
}
