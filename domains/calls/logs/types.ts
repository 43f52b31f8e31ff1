/** A request as an access log tells of it. */

export type LogLine = {
  /** When it began, ms. */
  readonly at: number
  /** HTTP's method. */
  readonly verb: string
  /** With its query, as it was sent. */
  readonly path: string
  /** 0: there was no answer. */
  readonly status: number
  /** No answer, or the client went before it came. */
  readonly cutOff: boolean
  readonly realUs: number
  readonly requestBytes: number
  readonly responseBytes: number
  /** Which machine served it; '' where the log does not say. */
  readonly host: string
  /** Ends of the client's connection, as `endpointText` spells them; '' where the log does not say. */
  readonly peer: string
  readonly local: string
  /** W3C trace id in lower-case hex, or ''. */
  readonly trace: string
  /** Those that were logged, names in lower case. */
  readonly headers: Readonly<Record<string, string>>
}

/** Never throws. A text says why the line cannot be read, to go on after "line 12". */
export type LineReader = (line: string) => LogLine | string

/** A line and the bytes that it is made of; `tooLong` ones come without text. */
export type RawLine = { readonly text: string; readonly bytes: Buffer; readonly tooLong: boolean; readonly terminated: boolean }
