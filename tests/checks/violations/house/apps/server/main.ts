import { size } from '@belay/access'
import { newest } from '@belay/releases'

process.stdout.write(`${newest}: ${size('main.ts')}\n`)
