/** Secrets come from the server's environment or files, at the moment of use; they are never stored, and masked in output. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { EnvSpec } from '@belay/cloudfile'
import { environmentProblem } from './problems.ts'

export type Variables = { readonly values: Record<string, string>; readonly secrets: readonly string[] }

/** @throws Problem `secret-missing` that names the variable and where it should come from. */
export async function resolveVariables(spec: EnvSpec, repository: string): Promise<Variables> {
  const values: Record<string, string> = {}
  const secrets: string[] = []
  for (const [variable, value] of Object.entries(spec)) {
    if (typeof value === 'string') {
      values[variable] = value
      continue
    }
    const secret =
      'fromEnv' in value
        ? process.env[value.fromEnv]
        : await readFile(resolve(repository, value.fromFile), 'utf8').then(
            (text) => text.trimEnd(),
            () => undefined,
          )
    if (secret === undefined) {
      throw environmentProblem('secret-missing', {
        variable,
        source: 'fromEnv' in value ? `the environment variable ${value.fromEnv}` : `the file ${value.fromFile}`,
      })
    }
    values[variable] = secret
    secrets.push(secret)
  }
  return { values, secrets }
}

/** Secrets shorter than this would blank out ordinary words; they are not worth the name. */
const secretLengthMin = 4

export function maskSecrets(text: string, secrets: readonly string[]): string {
  return secrets.filter((secret) => secret.length >= secretLengthMin).reduce((masked, secret) => masked.replaceAll(secret, '•••'), text)
}
