// Uses the bad files, so that each is bad for one reason only.
import { deep, loose, size, undeclared } from '@belay/access'
import { chatty, circle, clock, count, explicit, forgotten, impure, leaning, untrue, upwards } from '@belay/ledger'
import { newest } from '@belay/releases'

const used = [size, count, deep, loose, undeclared, chatty, circle, clock, explicit, forgotten, impure, leaning, newest, untrue, upwards]
process.stdout.write(`${used.length}\n`)
