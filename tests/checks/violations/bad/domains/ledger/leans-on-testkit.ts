import { makeBelieve } from '@belay/testkit'

export const leaning = makeBelieve
