import { goTo, otherKeys } from '../shortcuts.ts'
import { Dialog } from './Dialog.tsx'

function Keys({ list }: { list: readonly { readonly keys: string; readonly says: string }[] }) {
  return (
    <dl className="facts" style={{ alignItems: 'center' }}>
      {list.map((it) => (
        <div key={it.keys} style={{ display: 'contents' }}>
          <dt>
            {it.keys.split(' ').map((key) => (
              <kbd key={key} style={{ marginRight: 4 }}>
                {key}
              </kbd>
            ))}
          </dt>
          <dd>{it.says}</dd>
        </div>
      ))}
    </dl>
  )
}

export function Help({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keys" onClose={onClose}>
      <h2>Go to</h2>
      <Keys list={goTo} />
      <h2 style={{ marginTop: 16 }}>On a page</h2>
      <Keys list={otherKeys} />
    </Dialog>
  )
}
