import { readFileSync } from 'node:fs'

export const impure = (file: string): string => readFileSync(file, 'utf8')
