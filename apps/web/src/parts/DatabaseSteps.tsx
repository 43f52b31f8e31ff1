import type { ReleaseWire } from '@belay/protocol'

const foundSays = { declared: 'the step says so', paths: 'watched files changed' } as const

export function DatabaseSteps({ steps }: { steps: ReleaseWire['databaseSteps'] }) {
  if (steps.length === 0) return <p className="soft">No step of this release changes a database.</p>
  return (
    <table className="list">
      <tbody>
        {steps.map((step) => (
          <tr key={step.step}>
            <td>
              <code className="strong">{step.step}</code>
              <br />
              <span className="soft">{step.found.map((it) => foundSays[it]).join(', ')}</span>
              {step.paths.map((path) => (
                <div key={path} className="mono soft" style={{ overflowWrap: 'anywhere' }}>
                  {path}
                </div>
              ))}
            </td>
            <td className="nowrap num">
              {step.hasUndo ? <span className="soft">can be undone</span> : <span className="chip is-held">no undo</span>}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
