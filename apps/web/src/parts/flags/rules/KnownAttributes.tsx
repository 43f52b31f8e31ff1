/** What most contexts carry; anything else can be typed. */
const attributes = ['targetingKey', 'email', 'role', 'plan', 'country', 'version', 'account']
export const knownAttributes = 'known-attributes'

/** Offered under fields that name an attribute; once a form. */
export function KnownAttributes() {
  return (
    <datalist id={knownAttributes}>
      {attributes.map((it) => (
        <option key={it} value={it} />
      ))}
    </datalist>
  )
}
