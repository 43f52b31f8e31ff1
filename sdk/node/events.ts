/**
 * Reads server-sent events. Written here because the parser that the rest of Belay uses wants a newer Node than this
 * package may; its tests compare the two. Source: HTML standard, 9.2.6 "Interpreting an event stream".
 */
import { Failure } from './server.ts'

/** Without an id: where we are stands in the data, which is only ours when it was taken. */
export type StreamEvent = { readonly event: string; readonly data: string }

/** A document of flags has its bound in server.ts; an event carries one at most. */
const eventMaxLength = 64 * 1024 * 1024

/** Hand it text as it comes; it gives the events that became complete. @throws Failure when an event is endless. */
export function createEventReader(): (text: string) => StreamEvent[] {
  /** Pieces of a line whose end has not come: joined once, so that a long line in small pieces costs no square. */
  let pieces: string[] = []
  let piecesLength = 0
  /** The last piece ended with a carriage return: a line feed right after it belongs to the same end of line. */
  let afterReturn = false
  let first = true
  let event = ''
  let data: string[] = []
  let dataLength = 0

  function takeLine(line: string, complete: StreamEvent[]): void {
    if (line === '') {
      if (data.length > 0) complete.push({ event: event || 'message', data: data.join('\n') })
      event = ''
      data = []
      dataLength = 0
      return
    }
    const colon = line.indexOf(':')
    const field = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1)
    if (field === 'data') {
      data.push(value)
      dataLength += value.length
      if (dataLength > eventMaxLength) throw new Failure('away', 'the stream sent an event without end')
    } else if (field === 'event') event = value
  }

  return (text) => {
    const complete: StreamEvent[] = []
    if (text === '') return complete
    if (first) {
      first = false
      if (text.startsWith('\ufeff')) text = text.slice(1)
    }
    if (afterReturn && text.startsWith('\n')) text = text.slice(1)
    afterReturn = text.endsWith('\r')
    let from = 0
    for (const end of text.matchAll(/\r\n|\n|\r/g)) {
      takeLine(pieces.join('') + text.slice(from, end.index), complete)
      pieces = []
      piecesLength = 0
      from = end.index + end[0].length
    }
    if (from < text.length) {
      pieces.push(text.slice(from))
      piecesLength += text.length - from
      if (piecesLength > eventMaxLength) throw new Failure('away', 'the stream sent a line without end')
    }
    return complete
  }
}
