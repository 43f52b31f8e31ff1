import { half } from './circle-half.ts'

export const circle = (): number => 2 * half
