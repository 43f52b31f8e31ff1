import { makeBelieve } from '@belay/testkit'

if (!makeBelieve) throw new Error('a test may use the testkit')
