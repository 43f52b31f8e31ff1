import type { Tone, Word } from '../words.ts'

/** The sign that goes with each tone, so that colour never stands alone: up, pause, cross, tick, dot. */
const signs: Readonly<Record<Tone, string>> = {
  climb: 'M2 6.5 5 3l3 3.5M5 3v6',
  held: 'M3.3 2.5v5M6.7 2.5v5',
  fall: 'M2.5 2.5l5 5M7.5 2.5l-5 5',
  top: 'M2 5.4 4.2 7.6 8.2 2.8',
  none: 'M5 5h.01',
}

export function Sign({ tone, size = 10 }: { tone: Tone; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 10 10"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.8"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={signs[tone]} />
    </svg>
  )
}

export function Chip({ word, tip }: { word: Word; tip?: string | null | undefined }) {
  return (
    <span className={`chip is-${word.tone}`} data-tip={tip ?? undefined}>
      <Sign tone={word.tone} />
      {word.says}
    </span>
  )
}
