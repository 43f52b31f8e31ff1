/** Where Belay says something else than tshark 4.0.17 does, and why. docs/reference/tcp.md tells the same in prose. */

export type Difference = {
  readonly because: string
  /** Path below the data to what differs: ours "for" theirs, joined by "; ". */
  readonly captures: Readonly<Record<string, string>>
}

export const differences: readonly Difference[] = [
  {
    because:
      'tshark begins a new stream where its dissector of VNC believes to have found VNC, in the middle of two connections. Without that dissector it counts two sessions as well.',
    captures: { 'pcaps/ndpi/default/pcap/vnc.pcap': 'sessions 2 for 4' },
  },
  {
    because:
      'SACK blocks on four SYNs without ACK, made for a test of parsers: Belay counts acknowledgements with SACK, and these acknowledge nothing.',
    captures: { 'pcaps/zeek/tcp/option-sack.pcap': 'sack 0 for 4' },
  },
]
