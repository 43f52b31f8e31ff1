import { sayCount } from '@belay/base'
import { type ReactNode, useEffect, useRef, useState } from 'react'
import { closeFile, type LocalCapture } from './local/captures.ts'
import { sayData } from './words.ts'

const accept = '.pcap,.pcapng,.cap,.dmp,.gz,.zst'

/** Files may be dropped anywhere on the page while this is shown; the button is for those who rather choose. */
export function DropZone({
  onFiles,
  children,
  label = 'Open captures…',
}: {
  onFiles: (files: readonly File[]) => void
  children?: ReactNode
  label?: string
}) {
  const [over, setOver] = useState(false)
  const field = useRef<HTMLInputElement>(null)
  const tell = useRef(onFiles)
  tell.current = onFiles
  useEffect(() => {
    let depth = 0
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') === true
    const onEnter = (event: DragEvent) => {
      if (!hasFiles(event)) return
      depth++
      setOver(true)
    }
    const onLeave = () => {
      depth = Math.max(0, depth - 1)
      if (depth === 0) setOver(false)
    }
    const onOver = (event: DragEvent) => hasFiles(event) && event.preventDefault()
    const onDrop = (event: DragEvent) => {
      depth = 0
      setOver(false)
      if (!hasFiles(event)) return
      event.preventDefault()
      const files = [...(event.dataTransfer?.files ?? [])]
      if (files.length > 0) tell.current(files)
    }
    document.addEventListener('dragenter', onEnter)
    document.addEventListener('dragleave', onLeave)
    document.addEventListener('dragover', onOver)
    document.addEventListener('drop', onDrop)
    return () => {
      document.removeEventListener('dragenter', onEnter)
      document.removeEventListener('dragleave', onLeave)
      document.removeEventListener('dragover', onOver)
      document.removeEventListener('drop', onDrop)
    }
  }, [])
  return (
    <div className={`drop ${over ? 'is-over' : ''}`}>
      <button type="button" className="btn" onClick={() => field.current?.click()}>
        {label}
      </button>
      <input
        ref={field}
        type="file"
        className="hidden"
        aria-label="Captures to analyse in this browser"
        tabIndex={-1}
        accept={accept}
        multiple
        onChange={(event) => {
          const files = [...(event.target.files ?? [])]
          event.target.value = ''
          if (files.length > 0) onFiles(files)
        }}
      />
      {children !== undefined && <span className="soft">{children}</span>}
    </div>
  )
}

/** How far the files of this tab are, and what they were. */
export function LocalFiles({
  captures,
  chosen,
  onChoose,
}: {
  captures: readonly LocalCapture[]
  chosen?: ReadonlySet<string>
  /** Absent: there is nothing to choose. */
  onChoose?: (id: string, on: boolean) => void
}) {
  if (captures.length === 0) return null
  return (
    <ul className="local-files" aria-label="Captures in this tab">
      {captures.map((it) => (
        <li key={it.id} className={it.state === 'failed' ? 'is-fall' : ''}>
          {onChoose === undefined ? (
            <span className="strong clip">{it.name}</span>
          ) : (
            <label className="local-choice">
              <input
                type="checkbox"
                checked={chosen?.has(it.id) ?? false}
                onChange={(event) => onChoose(it.id, event.target.checked)}
                disabled={it.state === 'failed'}
              />
              <span className="strong clip">{it.name}</span>
            </label>
          )}
          <span className="soft">{sayFile(it)}</span>
          {it.state === 'reading' && (
            <progress value={it.progress} max={1} aria-label={`Reading ${it.name}`}>
              {Math.round(it.progress * 100)}%
            </progress>
          )}
          <button type="button" className="btn small plain" onClick={() => closeFile(it.id)} aria-label={`Close ${it.name}`}>
            Close
          </button>
        </li>
      ))}
    </ul>
  )
}

function sayFile({ state, file, progress, records, left, summary, because }: LocalCapture): string {
  if (state === 'failed') return `${because}`
  const sessions = sayCount(records.length + left, 'session')
  if (state === 'reading') return `${sayData(progress * file.size)} of ${sayData(file.size)} read, ${sessions}`
  const understood = Object.values(summary?.notUnderstood ?? {}).reduce((sum, it) => sum + it, 0)
  return [
    `${summary?.format ?? ''}, ${sayData(file.size)}`,
    `${sayCount(summary?.packets ?? 0, 'packet')}`,
    sessions,
    left > 0 ? `the first ${records.length.toLocaleString('en')} are shown` : '',
    understood > 0 ? `${sayCount(understood, 'packet')} not TCP or not understood` : '',
    ...(summary?.warnings ?? []),
  ]
    .filter((it) => it !== '')
    .join(' · ')
}
