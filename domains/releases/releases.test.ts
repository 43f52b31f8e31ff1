import { onEachStore } from '@belay/testkit'
import { releasesKeepTheirPromises } from './releases.contract.ts'

onEachStore('releases', releasesKeepTheirPromises)
