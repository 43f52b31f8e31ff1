import { circle } from './circle.ts'

export const half = circle.length / 2
