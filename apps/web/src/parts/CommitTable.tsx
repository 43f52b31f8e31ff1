import type { ReleaseWire } from '@belay/protocol'
import { Time } from './Time.tsx'

export function CommitTable({ commits }: { commits: ReleaseWire['commits'] }) {
  return (
    <div className="scroll-x">
      <table className="list">
        <tbody>
          {commits.map((commit) => (
            <tr key={commit.sha}>
              <td className="mono soft" data-tip={commit.sha}>
                {commit.sha.slice(0, 8)}
              </td>
              <td style={{ width: '100%', minWidth: 200 }}>{commit.subject}</td>
              <td className="soft nowrap">{commit.author}</td>
              <td className="num soft">
                <Time at={commit.at} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
