import { onEachStore } from '@belay/testkit'
import { flagsKeepTheirPromises } from './flags.contract.ts'

onEachStore('flags', flagsKeepTheirPromises)
