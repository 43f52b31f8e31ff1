import { twice } from '@belay/base'

export const count = (x: number): number => twice(x) + 1
