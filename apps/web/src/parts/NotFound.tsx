import { Link } from '@tanstack/react-router'
import { PageHead } from './Page.tsx'

export function NotFound() {
  return (
    <>
      <PageHead title="There is no page here" sub={`Nothing answers to ${window.location.pathname}.`} />
      <Link to="/" className="link">
        To what is happening now
      </Link>
    </>
  )
}
