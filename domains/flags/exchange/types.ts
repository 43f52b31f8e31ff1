/** What goes in and out: flags as a document tells of them, before anybody decided what becomes of them here. */
import type { JsonLogic, Metadata } from '@belay/flag-evaluator'
import type { exchangeFormats, FlagWire, ImportReportWire, SettingWire } from '@belay/protocol'

export type ExchangeFormat = (typeof exchangeFormats)[number]
export type Carried = ImportReportWire['flags'][number]['carried']

/** A flag as far as its document tells of it; what it is silent about stays as it is here. */
export type FlagContent = Pick<FlagWire, 'key' | 'variants'> &
  Partial<Pick<FlagWire, 'description' | 'kind' | 'owner' | 'expiresAt' | 'tags' | 'salt' | 'bucketing' | 'prerequisites' | 'metadata'>> & {
    /** By environment, or `*`: those that the document tells of. */
    readonly settings: Readonly<Record<string, SettingWire>>
  }

export type ImportedFlag = {
  readonly key: string
  /** Null: nothing of it can be used, and the notes say why. */
  readonly flag: FlagContent | null
  /**
   * exactly: it gives everybody what they had. approximately: some will get something else, see the notes. not: it must
   * be made by hand.
   */
  readonly carried: Carried
  readonly notes: readonly string[]
}

export type ImportedSegment = {
  readonly key: string
  /** Undefined: the document does not tell. */
  readonly description?: string
  /**
   * A rule, or the list of keys and the attribute that holds them; keys undefined: they are not in the document. Null:
   * it cannot be taken, and the notes say why.
   */
  readonly content: { readonly rule: JsonLogic } | { readonly keys: readonly string[] | undefined; readonly by: string } | null
  readonly notes: readonly string[]
}

/** Of a flagd document what is spelling and not meaning, so that it can be written as it was read. */
export type DocumentShape = {
  /** The members of the document in their order. */
  readonly members: readonly string[]
  /** `flags` is a list. */
  readonly list: boolean
  readonly schema?: unknown
  /** Members that are empty, and those that flagd does not know. */
  readonly as: Readonly<Record<string, unknown>>
  /** By flag, where its members are not `state, variants, defaultVariant, targeting, metadata` with something in each. */
  readonly flags: Readonly<Record<string, { readonly members: readonly string[]; readonly as: Readonly<Record<string, unknown>> }>>
}

export type Read = {
  readonly format: ExchangeFormat
  readonly flags: readonly ImportedFlag[]
  readonly segments: readonly ImportedSegment[]
  /** Of the flag set; null: this format has none. */
  readonly setMetadata: Metadata | null
  /** Null: not a flagd document. */
  readonly shape: DocumentShape | null
}

export type ReadOptions = {
  /** Where the settings go: `*`, or one environment. `*` also means: each by its name, when the document names them. */
  readonly environment: string
  /** The environments that there are here. */
  readonly environments: readonly string[]
  /** Segments that there are here: a document may name some that it does not bring. */
  hasSegment(key: string): boolean
}
