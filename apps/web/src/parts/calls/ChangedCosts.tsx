import { sayCount } from '@belay/base'
import { routes } from '@belay/protocol'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { ask } from '../../api.ts'
import './changed-costs.css'

const most = 500

/** On the page of a release or a flag: the costs that it changed, when it changed any. */
export function ChangedCosts({ cause }: { cause: string }) {
  const { data } = useQuery({ ...ask(routes.calls.changes, { query: { cause, limit: most } }), retry: false })
  if (data === undefined || data.changes.length === 0) return null
  const methods = new Set(data.changes.map((it) => `${it.service} ${it.method}`)).size
  const dearer = new Set(data.changes.filter((it) => it.dearer).map((it) => `${it.service} ${it.method}`)).size
  return (
    <p className="changed-costs">
      <Link to="/calls/changes" search={{ cause }} className="link">
        Changed the cost of {sayCount(methods, 'method')}
      </Link>
      <span className="soft">{dearer === 0 ? ', cheaper' : dearer === methods ? ', dearer' : `, ${dearer} dearer`}</span>
    </p>
  )
}
