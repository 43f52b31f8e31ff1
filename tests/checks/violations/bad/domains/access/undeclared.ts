// npm's hoisting lets this run although the package.json of this room does not list it.
import { twice } from '@belay/base'

export const undeclared = twice(1)
