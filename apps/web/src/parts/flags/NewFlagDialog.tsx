import { flagKeyPattern, flagKinds, type JsonWire, type NewFlagWire, routes, valueTypes } from '@belay/protocol'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { client } from '../../api.ts'
import { useWhyNot } from '../Allowed.tsx'
import { FormDialog } from '../Dialog.tsx'
import { type VariantRow, VariantFields, variantsOf, rowsOf } from './VariantFields.tsx'
import { KeyField } from '../KeyField.tsx'

export const kindSays: Readonly<Record<(typeof flagKinds)[number], string>> = {
  release: 'release: climbs to everybody, then goes',
  experiment: 'experiment: variants compared',
  ops: 'ops: a switch for those on duty, stays',
  permission: 'permission: who may use it, stays',
}

const examples: Readonly<Record<(typeof valueTypes)[number], Record<string, JsonWire>>> = {
  boolean: { on: true, off: false },
  string: { blue: 'blue', green: 'green' },
  number: { few: 10, many: 50 },
  object: { plain: { columns: 1 }, wide: { columns: 2 } },
}

export function NewFlagDialog({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate()
  const queries = useQueryClient()
  const mayNot = useWhyNot('flag.change')
  const [key, setKey] = useState('')
  const [description, setDescription] = useState('')
  const [kind, setKind] = useState<(typeof flagKinds)[number]>('release')
  const [owner, setOwner] = useState('')
  const [tags, setTags] = useState('')
  const [type, setType] = useState<(typeof valueTypes)[number]>('boolean')
  const [rows, setRows] = useState<readonly VariantRow[]>(rowsOf(examples.boolean))
  const [rest, setRest] = useState('off')
  const { variants, error } = variantsOf(rows)
  const making = useMutation({
    mutationFn: (body: NewFlagWire) => client.call(routes.flags.create, { body }),
    onSuccess: ({ key: made }) => {
      void queries.invalidateQueries({ queryKey: ['flags'] })
      return navigate({ to: '/flags/$key', params: { key: made } })
    },
  })
  const wrongKey = key !== '' && !flagKeyPattern.test(key)
  const because =
    mayNot ??
    (key === ''
      ? 'It needs a key.'
      : wrongKey
        ? 'The key begins with a letter or digit, then letters, digits and . _ - : / up to 200 characters.'
        : error)
  return (
    <FormDialog
      title="New flag"
      onClose={onClose}
      onSubmit={() =>
        making.mutate({
          key,
          description,
          kind,
          owner: owner.trim() === '' ? null : owner.trim(),
          tags: tags
            .split(',')
            .map((it) => it.trim())
            .filter((it) => it !== ''),
          variants,
          defaultVariant: rest === '' ? null : rest,
        })
      }
      does="Create"
      busy={making.isPending}
      because={because}
      error={making.error}
    >
      <KeyField
        label="Key"
        value={key}
        lengthMax={200}
        placeholder="inline-comments"
        wrong={wrongKey}
        onChange={setKey}
        hint="What the code asks for. Users are dealt by it, so it never changes."
      />
      <label>
        What it does
        <input className="field" value={description} maxLength={2_000} onChange={(event) => setDescription(event.target.value)} />
      </label>
      <div className="form-two">
        <label>
          Kind
          <select className="field" value={kind} onChange={(event) => setKind(event.target.value as typeof kind)}>
            {flagKinds.map((it) => (
              <option key={it} value={it}>
                {kindSays[it]}
              </option>
            ))}
          </select>
        </label>
        <label>
          Values
          <select
            className="field"
            value={type}
            onChange={(event) => {
              const chosen = event.target.value as typeof type
              setType(chosen)
              setRows(rowsOf(examples[chosen]))
              setRest(chosen === 'boolean' ? 'off' : (Object.keys(examples[chosen])[0] ?? ''))
            }}
          >
            {valueTypes.map((it) => (
              <option key={it}>{it}</option>
            ))}
          </select>
        </label>
        <label>
          Owner
          <input
            className="field"
            value={owner}
            maxLength={100}
            onChange={(event) => setOwner(event.target.value)}
            placeholder="A person or a team"
          />
        </label>
        <label>
          Tags
          <input className="field" value={tags} onChange={(event) => setTags(event.target.value)} placeholder="editor, q3" />
        </label>
      </div>
      {type !== 'boolean' && <VariantFields rows={rows} onChange={setRows} />}
      <label>
        Everybody gets, until it is exposed
        <select className="field" value={rest} onChange={(event) => setRest(event.target.value)}>
          {Object.keys(variants ?? {}).map((it) => (
            <option key={it} value={it}>
              {it}
            </option>
          ))}
          <option value="">the code's own default</option>
        </select>
      </label>
    </FormDialog>
  )
}
