// The import of a file behind a door, by package name: the door's `exports` refuses it.
import { count } from '@belay/ledger/model.ts'

export const loose = count
