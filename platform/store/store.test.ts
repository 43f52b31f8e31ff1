import { onEachStore } from '@belay/testkit'
import { storeKeepsItsPromises } from './store.contract.ts'

onEachStore('the store', (_open, newDatabase) => storeKeepsItsPromises(newDatabase))
