import { readFileSync } from 'node:fs'
import { count } from '@belay/ledger'

export const size = (file: string): number => count(readFileSync(file).length)
