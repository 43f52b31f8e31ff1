import { useState } from 'react'

/** Copies a text, and says for two seconds that it did; selects nothing, moves nothing. */
export function CopyButton({ text, label = 'Copy' }: { text: string; label?: string }) {
  const [done, setDone] = useState<string>()
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text)
      setDone('Copied')
    } catch {
      // Only a secure origin (https or this machine) may write to the clipboard.
      setDone('Select it by hand')
    }
    setTimeout(() => setDone(undefined), 2_000)
  }
  return (
    <button type="button" className="btn small plain" onClick={() => void copy()} aria-live="polite">
      {done ?? label}
    </button>
  )
}

/** A command of the terminal, ready to be copied. */
export function Command({ children }: { children: string }) {
  return (
    <span className="command">
      <code>{children}</code>
      <CopyButton text={children} />
    </span>
  )
}
