export { count } from './model.ts'
