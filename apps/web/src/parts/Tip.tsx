import { useEffect, useLayoutEffect, useRef, useState } from 'react'

type Shown = { readonly text: string; readonly of: DOMRect }

/** Long enough that moving across a table does not flicker. */
const delayMs = 280
const gapPx = 6

/**
 * Tips for everything that carries `data-tip`, by pointer and by keyboard focus. One listener for the page: a
 * component for each of a thousand times in a list would be slow.
 */
export function TipLayer() {
  const [shown, setShown] = useState<Shown>()
  const box = useRef<HTMLDivElement>(null)

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const hide = () => {
      clearTimeout(timer)
      setShown(undefined)
    }
    const show = (target: EventTarget | null, afterMs: number) => {
      const owner = target instanceof Element ? target.closest('[data-tip]') : null
      clearTimeout(timer)
      if (owner === null) return setShown(undefined)
      timer = setTimeout(() => {
        const text = owner.getAttribute('data-tip')
        if (text && owner.isConnected) setShown({ text, of: owner.getBoundingClientRect() })
      }, afterMs)
    }
    const onOver = (event: PointerEvent) => show(event.target, delayMs)
    const onFocus = (event: FocusEvent) => {
      if (event.target instanceof Element && event.target.matches(':focus-visible')) show(event.target, 0)
    }
    const onKey = (event: KeyboardEvent) => event.key === 'Escape' && hide()
    document.addEventListener('pointerover', onOver)
    document.addEventListener('pointerdown', hide)
    document.addEventListener('focusin', onFocus)
    document.addEventListener('focusout', hide)
    document.addEventListener('keydown', onKey)
    document.addEventListener('scroll', hide, true)
    return () => {
      hide()
      document.removeEventListener('pointerover', onOver)
      document.removeEventListener('pointerdown', hide)
      document.removeEventListener('focusin', onFocus)
      document.removeEventListener('focusout', hide)
      document.removeEventListener('keydown', onKey)
      document.removeEventListener('scroll', hide, true)
    }
  }, [])

  useLayoutEffect(() => {
    const tip = box.current
    if (tip === null || shown === undefined) return
    const { width, height } = tip.getBoundingClientRect()
    const left = shown.of.left + shown.of.width / 2 - width / 2
    const above = shown.of.top - height - gapPx
    tip.style.left = `${Math.max(8, Math.min(left, window.innerWidth - width - 8))}px`
    tip.style.top = `${above > 8 ? above : shown.of.bottom + gapPx}px`
  }, [shown])

  if (shown === undefined) return null
  return (
    <div className="tip" role="tooltip" ref={box}>
      {shown.text}
    </div>
  )
}
