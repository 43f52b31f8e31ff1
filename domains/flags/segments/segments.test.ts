import { onEachStore } from '@belay/testkit'
import { segmentsKeepTheirPromises } from './segments.contract.ts'

onEachStore('segments', (_open, newDatabase) => segmentsKeepTheirPromises(newDatabase))
