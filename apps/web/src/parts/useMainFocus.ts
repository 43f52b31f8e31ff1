import { useEffect, useRef } from 'react'

/** After going to another page the keyboard stands at its beginning, not at a link that is gone. */
export function useMainFocus(pathname: string) {
  const main = useRef<HTMLElement>(null)
  const before = useRef(pathname)
  useEffect(() => {
    if (before.current === pathname) return
    before.current = pathname
    main.current?.focus({ preventScroll: true })
  }, [pathname])
  return main
}
