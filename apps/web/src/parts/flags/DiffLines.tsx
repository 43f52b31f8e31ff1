import type { DiffLineWire, JsonWire } from '@belay/protocol'
import { sayJson } from './rules/jsonText.ts'
import './diff.css'

function Side({ kind, value }: { kind: 'ins' | 'del'; value: JsonWire }) {
  const Mark = kind
  return (
    <Mark className="diff-side">
      <span aria-hidden="true">{kind === 'ins' ? '+' : '−'}</span>
      <pre>{sayJson(value)}</pre>
    </Mark>
  )
}

/** What differs, path by path: what was there and what came. */
export function DiffLines({ diff }: { diff: readonly DiffLineWire[] }) {
  if (diff.length === 0) return <p className="soft">Nothing differs.</p>
  return (
    <dl className="diff">
      {diff.map((line) => (
        <div key={line.path}>
          <dt className="mono">{line.path}</dt>
          <dd>
            {line.before !== undefined && <Side kind="del" value={line.before} />}
            {line.after !== undefined && <Side kind="ins" value={line.after} />}
          </dd>
        </div>
      ))}
    </dl>
  )
}
