import { sayCount } from '@belay/base'
import { routes } from '@belay/protocol'
import { useQuery } from '@tanstack/react-query'
import { ask } from '../../api.ts'
import { Answered } from '../Answered.tsx'
import { Empty } from '../Empty.tsx'
import { FilterField } from '../FilterField.tsx'
import { Panel } from '../Page.tsx'

/** Where the code of a commit mentions the flag: what has to change before the flag can go. */
export function Code({ flag, gitRef, onRef }: { flag: string; gitRef: string | undefined; onRef: (ref: string | undefined) => void }) {
  const references = useQuery({
    ...ask(routes.flags.references, { query: { keys: flag, ref: gitRef } }),
    staleTime: 60_000,
    placeholderData: (before) => before,
  })
  return (
    <Panel
      title={references.data ? `Mentions in ${references.data.ref} (${references.data.commit.slice(0, 10)})` : 'Mentions in the code'}
      aside={<FilterField label="Branch, tag or commit" placeholder="HEAD" value={gitRef} onChange={onRef} main={false} />}
    >
      <Answered query={references} height={160}>
        {(it) => {
          const found = it.flags.find(({ key }) => key === flag)
          if (found === undefined || found.mentions.length === 0)
            return (
              <Empty title={`The code of ${it.ref} does not mention it`} command={`belay flag references ${flag}`}>
                Nothing asks for this flag there: it is not merged yet, or it can be archived. In a folder with other code:
              </Empty>
            )
          return (
            <>
              <p className="soft" style={{ marginBottom: 8 }}>
                {sayCount(found.mentions.length, 'line')} in {sayCount(new Set(found.mentions.map(({ file }) => file)).size, 'file')}
                {found.more && ', and more'}
              </p>
              <div className="scroll-x">
                <table className="list">
                  <thead>
                    <tr>
                      <th>Where</th>
                      <th>Line</th>
                    </tr>
                  </thead>
                  <tbody>
                    {found.mentions.map((mention) => (
                      <tr key={`${mention.file}:${mention.line}`}>
                        <td className="mono nowrap">
                          {mention.file}:{mention.line}
                        </td>
                        <td className="mono soft why">
                          <span>{mention.text.trim()}</span>
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            </>
          )
        }}
      </Answered>
    </Panel>
  )
}
