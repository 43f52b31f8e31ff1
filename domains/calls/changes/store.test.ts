import { onEachStore } from '@belay/testkit'
import { changesAreKept } from './store.contract.ts'

onEachStore('changes of cost', changesAreKept)
