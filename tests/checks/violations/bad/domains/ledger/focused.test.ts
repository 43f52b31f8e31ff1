import { test } from 'vitest'

test.only('the other tests of this file would not run', () => {})
