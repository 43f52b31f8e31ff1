/**
 * One server-sent stream that stays alive. The browser's EventSource reconnects by itself (with Last-Event-ID) when
 * the connection breaks, but gives up for good when the server answers anything but 200, as it does while it starts or
 * when the session has ended; then this opens a new one. A tab that nobody sees lets its connections go: a browser
 * grants six to one server, and a few forgotten tabs would otherwise block every other one.
 */
export type StreamEvent = { readonly event: string; readonly id: string; readonly data: unknown }
export type StreamOptions = {
  /** The address; `lastId` is the last event's id of an earlier connection. */
  readonly url: (lastId: string | undefined) => string
  readonly events: readonly string[]
  readonly onEvent: (event: StreamEvent) => void
  readonly onOpen?: () => void
  /** The connection is gone. `refused`: the server answered, and not with a stream. */
  readonly onLost?: (refused: boolean) => void
}

/** Long enough to look something up in another tab without reconnecting. */
const hiddenGraceMs = 30_000
const reopenMsMax = 5_000

/** Opens the stream; the answer closes it. */
export function openStream({ url, events, onEvent, onOpen, onLost }: StreamOptions): () => void {
  let source: EventSource | undefined
  let lastId: string | undefined
  let reopenMs = 500
  let reopening: ReturnType<typeof setTimeout> | undefined
  let hiding: ReturnType<typeof setTimeout> | undefined

  const open = () => {
    clearTimeout(reopening)
    const mine = new EventSource(url(lastId))
    source = mine
    mine.onopen = () => {
      reopenMs = 500
      onOpen?.()
    }
    mine.onerror = () => {
      const refused = mine.readyState === EventSource.CLOSED
      if (refused) {
        reopening = setTimeout(open, reopenMs)
        reopenMs = Math.min(reopenMs * 2, reopenMsMax)
      }
      onLost?.(refused)
    }
    for (const event of events) {
      mine.addEventListener(event, (it: MessageEvent<string>) => {
        if (it.lastEventId !== '') lastId = it.lastEventId
        onEvent({ event, id: it.lastEventId, data: JSON.parse(it.data) })
      })
    }
  }
  const close = () => {
    clearTimeout(reopening)
    source?.close()
    source = undefined
  }
  const onVisibility = () => {
    clearTimeout(hiding)
    if (document.hidden) hiding = setTimeout(close, hiddenGraceMs)
    else if (source === undefined) open()
  }

  open()
  document.addEventListener('visibilitychange', onVisibility)
  return () => {
    document.removeEventListener('visibilitychange', onVisibility)
    clearTimeout(hiding)
    close()
  }
}
