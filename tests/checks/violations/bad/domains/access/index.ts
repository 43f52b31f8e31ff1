export { deep } from './deep.ts'
export { loose } from './loose.ts'
export { size } from './size.ts'
export { undeclared } from './undeclared.ts'
