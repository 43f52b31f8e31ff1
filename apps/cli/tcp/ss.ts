/**
 * Reads lines of `ss -tiOHne`: one socket each, as the kernel itself sees it. Fields that are zero are left out by ss, so
 * here they are 0. Pure; whatever the line, nothing is thrown.
 */

export type SsSocket = {
  /** 4-tuple and cookie: a port that is used again is another socket. */
  readonly key: string
  readonly state: string
  readonly local: string
  readonly peer: string
  /** Bytes that the application has yet to read; that it wrote and nobody acknowledged. */
  readonly receiveQueue: number
  readonly sendQueue: number
  readonly congestionControl: string
  readonly appLimited: boolean
  /** ms. */
  readonly rttMs: number
  readonly rttVarMs: number
  readonly minRttMs: number
  readonly rtoMs: number
  readonly mss: number
  readonly cwnd: number
  readonly ssthresh: number
  readonly sendWindow: number
  readonly unacked: number
  readonly notSent: number
  readonly bytesSent: number
  readonly bytesRetrans: number
  readonly bytesAcked: number
  readonly bytesReceived: number
  readonly segsOut: number
  readonly segsIn: number
  readonly dataSegsOut: number
  readonly dataSegsIn: number
  /** Now outstanding, and ever. */
  readonly retransNow: number
  readonly retransTotal: number
  readonly lost: number
  readonly dsackDups: number
  readonly reordSeen: number
  /** ms of its life in which data was outstanding, and of these what held it up. */
  readonly busyMs: number
  readonly rwndLimitedMs: number
  readonly sndbufLimitedMs: number
  /** ms since data was sent, data came. */
  readonly lastSndMs: number
  readonly lastRcvMs: number
  /** Bits a second. */
  readonly pacingBps: number
  readonly deliveryBps: number
  /** Names of tokens that are not known here: of a newer ss. */
  readonly unknown: readonly string[]
}

const flags: ReadonlySet<string> = new Set(['ts', 'sack', 'ecn', 'ecnseen', 'fastopen', 'app_limited', 'bidir'])
const rates: ReadonlySet<string> = new Set(['send', 'pacing_rate', 'delivery_rate'])
/** Known and of no use here; in this list so that `unknown` tells only of what is new. */
const others: ReadonlySet<string> = new Set([
  ...['wscale', 'backoff', 'ato', 'qack', 'pmtu', 'rcvmss', 'advmss', 'dctcp', 'bbr', 'lastack', 'delivered', 'delivered_ce'],
  ...['sacked', 'fackets', 'reordering', 'rcv_rtt', 'rcv_space', 'rcv_ssthresh', 'timer', 'users', 'ino', 'sk', 'uid', 'cgroup'],
  ...['skmem', 'fwmark', 'v6only', 'tos', 'tclass', 'class_id', 'bpf', 'ulp', 'rcv_ooopack', 'snd_wnd', 'rcv_wnd', 'rehash'],
  ...['tcp-ulp-mptcp', 'opt', 'unordered', 'inet-sockopt'],
])
const known: ReadonlySet<string> = new Set([
  ...['rtt', 'minrtt', 'rto', 'mss', 'cwnd', 'ssthresh', 'snd_wnd', 'unacked', 'notsent', 'bytes_sent', 'bytes_retrans'],
  ...['bytes_acked', 'bytes_received', 'segs_out', 'segs_in', 'data_segs_out', 'data_segs_in', 'retrans', 'lost', 'dsack_dups'],
  ...['reord_seen', 'busy', 'rwnd_limited', 'sndbuf_limited', 'lastsnd', 'lastrcv'],
])

/** A line longer than this is no line of ss; its owner's command names are cut by the kernel. */
const lineMax = 16_384

/** @returns undefined when the line is no socket */
export function parseSsLine(line: string): SsSocket | undefined {
  const words = line.slice(0, lineMax).trim().split(/\s+/)
  const [state = '', receiveQueue = '', sendQueue = '', local = '', peer = '', ...tokens] = words
  if (!/^[A-Z][A-Z0-9-]*$/.test(state) || !isCount(receiveQueue) || !isCount(sendQueue)) return undefined
  if (!isEndpoint(local) || !isEndpoint(peer)) return undefined
  const fields = new Map<string, string>()
  const speeds = new Map<string, number>()
  const unknown: string[] = []
  let appLimited = false
  let congestionControl = ''
  for (let nth = 0; nth < tokens.length; nth++) {
    const token = tokens[nth] ?? ''
    const colon = token.indexOf(':')
    if (rates.has(token)) speeds.set(token, bitsOf(tokens[++nth] ?? ''))
    else if (flags.has(token)) appLimited ||= token === 'app_limited'
    else if (colon > 0) {
      const name = token.slice(0, colon)
      fields.set(name, token.slice(colon + 1))
      if (!known.has(name) && !others.has(name)) unknown.push(name)
    } else if (congestionControl === '' && /^[a-z][a-z0-9_]*$/.test(token)) congestionControl = token
    else if (!/^(<->|-->|<--)$/.test(token)) unknown.push(token)
  }
  const number = (name: string): number => leading(fields.get(name))
  const second = (name: string): number => leading(fields.get(name)?.split('/')[1])
  return {
    key: `${local} ${peer} ${fields.get('sk') ?? ''}`,
    state,
    local: plainEndpoint(local),
    peer: plainEndpoint(peer),
    receiveQueue: Number(receiveQueue),
    sendQueue: Number(sendQueue),
    congestionControl,
    appLimited,
    rttMs: number('rtt'),
    rttVarMs: second('rtt'),
    minRttMs: number('minrtt'),
    rtoMs: number('rto'),
    mss: number('mss'),
    cwnd: number('cwnd'),
    ssthresh: number('ssthresh'),
    sendWindow: number('snd_wnd'),
    unacked: number('unacked'),
    notSent: number('notsent'),
    bytesSent: number('bytes_sent'),
    bytesRetrans: number('bytes_retrans'),
    bytesAcked: number('bytes_acked'),
    bytesReceived: number('bytes_received'),
    segsOut: number('segs_out'),
    segsIn: number('segs_in'),
    dataSegsOut: number('data_segs_out'),
    dataSegsIn: number('data_segs_in'),
    retransNow: number('retrans'),
    retransTotal: second('retrans'),
    lost: number('lost'),
    dsackDups: number('dsack_dups'),
    reordSeen: number('reord_seen'),
    busyMs: number('busy'),
    rwndLimitedMs: number('rwnd_limited'),
    sndbufLimitedMs: number('sndbuf_limited'),
    lastSndMs: number('lastsnd'),
    lastRcvMs: number('lastrcv'),
    pacingBps: speeds.get('pacing_rate') ?? 0,
    deliveryBps: speeds.get('delivery_rate') ?? 0,
    unknown,
  }
}

const isCount = (text: string): boolean => /^\d{1,15}$/.test(text)
/** `10.0.0.1:80`, `[::1]:443`, `[fe80::1]%eth0:22`, `*:80`. */
const isEndpoint = (text: string): boolean => /^(\[[0-9a-fA-F:.]+\]|[0-9.]+|\*)(%[^:\s]+)?:(\d{1,5}|\*)$/.test(text)
/** Of an IPv4 connection of a socket that takes both: `[::ffff:10.0.0.1]:80` is `10.0.0.1:80`. */
const plainEndpoint = (text: string): string => text.replace(/^\[::ffff:([0-9.]+)\]/i, '$1')

/** `212`, `11.055/19.183`, `900ms(100.0%)`: the number in front; 0 without. */
function leading(text: string | undefined): number {
  const [number] = /^\d{1,18}(\.\d{1,9})?/.exec(text ?? '') ?? []
  return number === undefined ? 0 : Number(number)
}

/** `53512042520bps`; a newer ss may write `1.3Mbps`. */
function bitsOf(text: string): number {
  const [, number, unit] = /^(\d{1,18}(?:\.\d{1,9})?)([KMGT]?)bps/.exec(text) ?? []
  if (number === undefined) return 0
  return Number(number) * ({ K: 1e3, M: 1e6, G: 1e9, T: 1e12 }[unit ?? ''] ?? 1)
}
