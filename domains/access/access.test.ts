import { onEachStore } from '@belay/testkit'
import { accessKeepsItsPromises } from './access.contract.ts'

onEachStore('access', (_open, newDatabase) => accessKeepsItsPromises(newDatabase))
