/** The rope's knot. */
export function Brand({ size = 18 }: { size?: number }) {
  return (
    <svg className="brand-mark" width={size} height={size} viewBox="0 0 18 18" aria-hidden="true">
      <path d="M4 15.4C4 9 14 12 14 6a4 4 0 0 0-8 0" fill="none" stroke="currentColor" strokeWidth="2.2" strokeLinecap="round" />
      <circle cx="4" cy="15.6" r="1.8" fill="currentColor" />
    </svg>
  )
}
