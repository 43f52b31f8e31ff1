import { type ReactNode, useEffect, useId, useLayoutEffect, useRef, useState } from 'react'

/** The least distance between what opens and the window's edge. */
const edgePx = 8

/** A button with what is behind it. Escape, a click beside it and leaving it with the keyboard close it. */
export function Popup({
  label,
  name,
  value,
  children,
}: {
  /** What the button shows before its value. */
  label: string
  /** What opens, by name. */
  name: string
  /** Undefined: nothing is chosen. */
  value: string | undefined
  children: (close: () => void) => ReactNode
}) {
  const [open, setOpen] = useState(false)
  const root = useRef<HTMLDivElement>(null)
  const button = useRef<HTMLButtonElement>(null)
  const box = useRef<HTMLDivElement>(null)
  const id = useId()
  const close = () => {
    setOpen(false)
    button.current?.focus()
  }

  useEffect(() => {
    if (!open) return
    box.current?.querySelector<HTMLElement>('input, button, select')?.focus({ preventScroll: true })
    const onDown = (event: PointerEvent) => {
      if (event.target instanceof Node && root.current?.contains(event.target) === false) setOpen(false)
    }
    document.addEventListener('pointerdown', onDown)
    return () => document.removeEventListener('pointerdown', onDown)
  }, [open])

  useLayoutEffect(() => {
    const element = box.current
    if (!open || element === null) return
    const { left, right } = element.getBoundingClientRect()
    const beyond = right + edgePx - document.documentElement.clientWidth
    if (beyond > 0) element.style.left = `${-Math.min(beyond, left - edgePx)}px`
  }, [open])

  return (
    <div
      className="popup"
      ref={root}
      onBlur={(event) => {
        // To nowhere: the window lost the keyboard, or an option went away under it.
        if (event.relatedTarget instanceof Node && root.current?.contains(event.relatedTarget) === false) setOpen(false)
      }}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || !open) return
        event.preventDefault()
        event.stopPropagation()
        close()
      }}
    >
      <button
        type="button"
        className="pick-chip"
        ref={button}
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        aria-label={value === undefined ? label : `${label}: ${value}`}
        data-set={value === undefined ? undefined : ''}
        onClick={() => setOpen(!open)}
      >
        {label}
        {value !== undefined && (
          <>
            : <span className="clip">{value}</span>
          </>
        )}
        <svg width="8" height="8" viewBox="0 0 8 8" aria-hidden="true">
          <path d="M1.2 2.8 4 5.6l2.8-2.8" fill="none" stroke="currentColor" strokeWidth="1.3" />
        </svg>
      </button>
      {open && (
        <div className="popup-box" id={id} ref={box} role="dialog" aria-label={name}>
          {children(close)}
        </div>
      )}
    </div>
  )
}
