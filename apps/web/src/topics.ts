import type { FactWire } from '@belay/protocol'

const byKind: Readonly<Record<string, readonly string[]>> = {
  release: ['releases'],
  deployment: ['deployments', 'environments', 'releases', 'rehearsals'],
  step: ['deployments'],
  rehearsal: ['rehearsals', 'releases', 'deployments', 'environments'],
  environment: ['environments'],
  sandbox: ['environments'],
  lease: ['environments'],
  user: ['users'],
  token: ['tokens'],
  flag: ['flags', 'flag-proposals', 'rings', 'segments'],
  'flag-proposal': ['flag-proposals', 'flags'],
  segment: ['segments', 'flags', 'rings'],
  ring: ['rings', 'flags', 'segments'],
  'client-key': ['client-keys'],
  calls: ['calls'],
  network: ['network'],
  session: ['users', 'tokens'],
}

/** Which queries a fact makes old; `undefined` for a kind that this page does not know: then all of them. */
export function topicsOf(kind: FactWire['kind']): readonly string[] | undefined {
  const topics = byKind[kind.split('.')[0] ?? '']
  // The front page counts facts and shows every release, so each fact touches it and the ledger.
  return topics === undefined ? undefined : ['now', 'ledger', ...topics]
}
