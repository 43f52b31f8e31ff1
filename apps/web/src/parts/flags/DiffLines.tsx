import type { DiffLineWire, JsonWire } from '@belay/protocol'
import { type DiffLine, lineDiff } from './lineDiff.ts'
import { sayJson } from './rules/jsonText.ts'
import './diff.css'

const signs = { same: ' ', ins: '+', del: '−' } as const
const tags = { same: 'span', ins: 'ins', del: 'del' } as const

/** What was there and what came; of long values what stayed stands between. */
function linesOf({ before, after }: DiffLineWire): DiffLine[] {
  const say = (value: JsonWire | undefined) => (value === undefined ? undefined : sayJson(value))
  const [a, b] = [say(before), say(after)]
  if (a !== undefined && b !== undefined) return lineDiff(a, b)
  return [
    ...(a?.split('\n').map((text): DiffLine => ({ kind: 'del', text })) ?? []),
    ...(b?.split('\n').map((text): DiffLine => ({ kind: 'ins', text })) ?? []),
  ]
}

/** What differs, path by path. */
export function DiffLines({ diff }: { diff: readonly DiffLineWire[] }) {
  if (diff.length === 0) return <p className="soft">Nothing differs.</p>
  return (
    <dl className="diff">
      {diff.map((its) => (
        <div key={its.path}>
          <dt className="mono">{its.path}</dt>
          <dd>
            {linesOf(its).map(({ kind, text }, nth) => {
              const Tag = tags[kind]
              return (
                <Tag key={nth} className={`diff-line diff-${kind}`}>
                  <span aria-hidden="true">{signs[kind]}</span>
                  <span>{text}</span>
                </Tag>
              )
            })}
          </dd>
        </div>
      ))}
    </dl>
  )
}
