/** Ground that needs Node. */
export { writeWhole } from './files.ts'
export { contentHash, sha256, sha256OfFile } from './hash.ts'
