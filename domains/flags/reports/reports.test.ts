import { onEachStore } from '@belay/testkit'
import { reportsKeepTheirPromises } from './reports.contract.ts'

onEachStore('reports', (_open, newDatabase) => reportsKeepTheirPromises(newDatabase))
