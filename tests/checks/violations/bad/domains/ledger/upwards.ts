import { newest } from '@belay/releases'

export const upwards = newest
