/** Why a frame holds no TCP segment. `reasons[code]` is what a person reads beside the count. */
export const reasons = [
  'TCP',
  'link type not known',
  'not IP',
  'encrypted',
  'cut off before its IP header',
  'bad IP header',
  'UDP',
  'ICMP',
  'other IP protocol',
  'IP fragment of a packet that is not whole yet',
  'cut off inside a tunnel',
  'too many layers',
] as const

export const linkUnknown = 1
export const notIp = 2
export const encrypted = 3
export const cutBeforeIp = 4
export const badIp = 5
export const udpOnly = 6
export const icmpOnly = 7
export const otherProtocol = 8
export const fragmentOnly = 9
export const cutInTunnel = 10
export const tooManyLayers = 11
