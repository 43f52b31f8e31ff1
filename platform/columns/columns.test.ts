import { onEachColumnStore } from '@belay/testkit'
import { columnStoreKeepsItsPromises } from './columns.contract.ts'

onEachColumnStore('the column store', columnStoreKeepsItsPromises)
