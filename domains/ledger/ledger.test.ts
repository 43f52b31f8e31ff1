import { onEachStore } from '@belay/testkit'
import { ledgerKeepsItsPromises } from './ledger.contract.ts'

onEachStore('the ledger', (_open, newDatabase) => ledgerKeepsItsPromises(newDatabase))
