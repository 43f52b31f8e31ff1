import type { Sentence, Story as Its } from '@belay/tcp'
import { sayMs } from '../words.ts'

const heads: Readonly<Record<Sentence['kind'], string>> = {
  happened: 'What happened',
  limits: 'What limited it',
  try: 'What to try',
  trust: 'How far to trust this',
}
const order = ['happened', 'limits', 'try', 'trust'] as const

/** What stands between backticks is a command. */
const withCommands = (text: string) =>
  text.split('`').map((part, at) =>
    at % 2 === 1 ? (
      // The order of a sentence's parts never changes.
      <code key={`${at} ${part}`}>{part}</code>
    ) : (
      part
    ),
  )

/** The session in words. A moment that is told leads to its place in the graphs. */
export function Story({ story, onMoment }: { story: Its; onMoment: ((ms: number) => void) | undefined }) {
  return (
    <div className="story">
      {order.map((kind) => {
        const its = story.filter((it) => it.kind === kind)
        return its.length === 0 ? null : (
          <section key={kind} aria-label={heads[kind]}>
            <h3>{heads[kind]}</h3>
            <ul>
              {its.map((it) => (
                <li key={`${it.at} ${it.text}`}>
                  {it.at !== undefined &&
                    (onMoment === undefined ? (
                      <span className="story-at soft">{sayMs(it.at)}</span>
                    ) : (
                      <button
                        type="button"
                        className="story-at link-button"
                        data-tip="Show this moment in the graphs"
                        onClick={() => onMoment(it.at ?? 0)}
                      >
                        {sayMs(it.at)}
                      </button>
                    ))}
                  {kind === 'happened' && it.at === undefined && <span className="story-at" />}
                  <span>{withCommands(it.text)}</span>
                </li>
              ))}
            </ul>
          </section>
        )
      })}
    </div>
  )
}
