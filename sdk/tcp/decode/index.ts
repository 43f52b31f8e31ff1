export { Decoder } from './decoder.ts'
export { reasons } from './reasons.ts'
