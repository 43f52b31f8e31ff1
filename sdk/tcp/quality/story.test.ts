import { describe, expect, test } from 'vitest'
import type { SessionRecord } from '../types.ts'
import { direction, distribution, sampleSessions, samples, session, type SessionFacts } from './fixtures.ts'
import { storyOf, summaryOf } from './story.ts'

const said = (record: SessionRecord, kind: 'happened' | 'limits' | 'try' | 'trust') =>
  storyOf(record)
    .filter((one) => one.kind === kind)
    .map(({ text }) => text)
    .join('\n')

const bulk = (facts: Partial<SessionFacts>): SessionRecord =>
  session({
    limits: { handshake: 40, slowStart: 200, bandwidth: 4000 },
    verdict: { limit: 'bandwidth', share: 0.9, because: 'The link was full.' },
    handshake: { serverMs: 40, clientMs: 0.1, rttMs: 40.1 },
    client: { goodBytes: 3_000_000, rtt: { karn: distribution(900, 40, 42, 50), timestamps: null } },
    server: {},
    ...facts,
  })
const client = (facts: SessionFacts['client']): SessionFacts['client'] => ({
  goodBytes: 3_000_000,
  rtt: { karn: distribution(900, 40, 42, 50), timestamps: null },
  ...facts,
})

describe('story', () => {
  test('every sentence is a sentence, with figures that are figures', () => {
    for (const record of sampleSessions()) {
      const story = storyOf(record)
      for (const { text, at } of story) {
        expect(text).toMatch(/^[A-Z0-9].*[.]$/)
        expect(text).not.toMatch(/NaN|undefined|Infinity|null|\b1 \w+s (of|were)\b/)
        if (at !== undefined) expect(at).toBeLessThanOrEqual(record.duration * 1000 + 1e-3)
      }
      const moments = story.flatMap(({ at }) => at ?? [])
      expect(moments).toEqual(moments.toSorted((x, y) => x - y))
      expect(new Set(story.map(({ text }) => text)).size).toBe(story.length)
      expect(story.map(({ kind }) => kind).join()).toMatch(/^(happened,?)+(limits,?)+(try,?)*(trust,?)+$/)
    }
  })

  test('what limits a session is its verdict, in the words of the verdict', () => {
    for (const record of sampleSessions()) expect(said(record, 'limits').split('\n')[0]).toBe(record.verdict.because)
  })

  test('a summary tells grade, what was carried and why', () => {
    const { clean, refused, unanswered } = samples()
    expect(summaryOf(clean)).toBe(`Good (100): 500 kB from server to client, 420 bytes the other way, in 400 ms. ${clean.verdict.because}`)
    expect(summaryOf(refused)).toMatch(/^Poor \(0\): refused after 31\.5 ms\./)
    expect(summaryOf(unanswered)).toMatch(/^Poor \(0\): never opened in 7 s\./)
  })

  test('a session without trouble gets no advice', () => {
    expect(said(samples().clean, 'try')).toBe('')
    expect(said(samples().idle, 'try')).toBe('')
  })

  test('a refusal is told with its moment and leads to the server', () => {
    const story = storyOf(samples().refused)
    expect(story).toContainEqual({ at: 31.5, kind: 'happened', text: 'The server refused it by a reset.' })
    expect(said(samples().refused, 'try')).toMatch(/listens on port 8443 of 10\.0\.0\.2/)
  })

  test('a SYN that nobody answers leads to firewalls and accept queues', () => {
    expect(said(samples().unanswered, 'try')).toMatch(/4 SYNs in 7 s and no answer.*firewall.*accept queue/)
  })

  test('a client that resets when it is answered withdrew: no fault of the network', () => {
    const record = session({
      limits: { handshake: 36.8 },
      verdict: { limit: 'handshake', share: 1, because: 'It was never open.' },
      handshake: { state: 'reset', serverMs: 36.7, clientMs: null, rttMs: null },
      close: 'resetByClient',
      client: { packets: 2 },
      server: { packets: 1 },
    })
    expect(record.score).toMatchObject({ grade: 'good', confidence: 'low' })
    expect(said(record, 'happened')).toMatch(/The client reset it/)
  })

  test('a reader that does not read is told apart from a window that is too small', () => {
    expect(said(samples().receiver, 'try')).toMatch(/does not read what has arrived/)
    const small = bulk({
      limits: { handshake: 40, receiver: 13_000, bandwidth: 300 },
      client: client({ bytesInFlight: { max: 18_800, mean: 17_000 }, windowFull: 387 }),
      server: { receiveWindow: { minBytes: 14_000, maxBytes: 18_800, lastBytes: 18_800 } },
      ceilings: { linkBps: 5e7 },
    })
    expect(said(small, 'try')).toMatch(
      /at most 18\.8 kB, which over 42 ms allows 3\.6 Mbit\/s\. To fill a path of 50 Mbit\/s it needs 263 kB.*SO_RCVBUF/,
    )
    const unscaled = bulk({
      limits: { receiver: 13_000 },
      handshake: { serverMs: 40, rttMs: 40.1, windowScaling: false },
      client: client({ bytesInFlight: { max: 65_000, mean: 60_000 } }),
      server: { windowScale: null, receiveWindow: { minBytes: 60_000, maxBytes: 65_535, lastBytes: 65_535 } },
    })
    expect(said(unscaled, 'try')).toMatch(/without window scaling.*See why the server does not offer it/)
  })

  test('loss with flat round trips, loss from a full queue and loss in one outage are told apart', () => {
    const lossy = { limits: { bandwidth: 3000, loss: 4000 }, verdict: { limit: 'loss', share: 0.57, because: 'Loss.' } } as const
    expect(said(bulk({ ...lossy, client: client({ resent: { fast: 40 } }) }), 'try')).toMatch(
      /1\.9 % of the client's segments \(40\) were lost while round trips stayed at 42 ms \(p95 50 ms\): that is no full queue/,
    )
    const queued = client({ resent: { fast: 40 }, rtt: { karn: distribution(900, 40, 180, 420), timestamps: null } })
    expect(said(bulk({ ...lossy, client: queued }), 'try')).toMatch(/round trips had grown to 420 ms from 40 ms: a full queue drops them/)

    const record = bulk({ ...lossy, client: client({ resent: { timeout: 120 } }) })
    const resent = [0, 0, 0, 0, 120, 0, 0, 0, 0, 0]
    const even = Array.from({ length: 10 }, () => 300_000)
    const outage: SessionRecord = {
      ...record,
      series: {
        stepMs: 700,
        directions: [{ ...record.series.directions[0], bytes: even, goodBytes: even, resent }, record.series.directions[1]],
      },
    }
    expect(said(outage, 'try')).toMatch(/120 of 120 segments were sent again between 2\.8 s and 3\.5 s.*an outage, not steady loss/)
    expect(storyOf(outage)).toContainEqual(
      expect.objectContaining({ at: 2800, text: 'Until 3.5 s the client sent 120 segments again, of 120 in all.' }),
    )
  })

  test('a capture beside the receiver does not claim to know whether a queue was full', () => {
    const record = bulk({
      limits: { bandwidth: 3000, loss: 4000 },
      handshake: { serverMs: 0.1, clientMs: 40, rttMs: 40.1 },
      client: client({ lostBefore: 40, rtt: { karn: distribution(900, 0.01, 0.02, 0.05), timestamps: null } }),
    })
    expect(said(record, 'try')).toMatch(/a capture beside the client shows them best/)
    expect(said(record, 'try')).not.toMatch(/no full queue/)
    expect(record.score).toMatchObject({ confidence: 'medium', confidenceBecause: expect.stringContaining('beside its receiver') })
  })

  test('full segments that vanish while small ones pass lead to the MTU', () => {
    const record = bulk({
      limits: { handshake: 40, loss: 9000 },
      verdict: { limit: 'loss', share: 0.99, because: 'Loss.' },
      client: {
        ...client({}),
        goodBytes: 2000,
        dataPackets: 8,
        mss: 1460,
        segmentBytesMax: 1460,
        resent: { timeout: 6 },
        rtt: { karn: null, timestamps: null },
      },
    })
    expect(said(record, 'try')).toMatch(/MTU black hole/)
  })

  test('a deep queue is measured and leads to a smaller one', () => {
    const record = bulk({
      client: client({ rtt: { karn: distribution(900, 22, 295, 476), timestamps: null } }),
      ceilings: { linkBps: 4.7e6 },
    })
    expect(said(record, 'try')).toMatch(/A queue of up to 454 ms stands before the bottleneck, about 267 kB at 4\.7 Mbit\/s\. Put fq_codel/)
    // Late acknowledgements of one segment at a time are no queue.
    const thin = bulk({ client: client({ goodBytes: 9000, rtt: { karn: distribution(60, 1, 40, 190), timestamps: null } }) })
    expect(
      said({ ...thin, directions: [{ ...thin.directions[0], bytesInFlight: { max: 300, mean: 200 } }, direction({}, 1)] }, 'try'),
    ).not.toMatch(/queue/)
  })

  test('a slow server, turns that wait for the path, and small writes get advice of their own', () => {
    const application = {
      verdict: { limit: 'application', share: 0.9, because: 'It waited.' },
      limits: { application: 9000, bandwidth: 200 },
    } as const
    const turns = (serverMs: number) => ({
      count: 100,
      requestMs: distribution(100, 0, 0, 0.1),
      serverMs: distribution(100, serverMs, serverMs, serverMs),
      responseMs: distribution(100, 0, 0, 1),
    })
    expect(said(bulk({ ...application, turns: turns(95) }), 'try')).toMatch(
      /Over 100 turns the server took 5\.5 s .* 55 ms each: look at the server/,
    )
    expect(said(bulk({ ...application, turns: turns(41) }), 'try')).toMatch(/100 turns wait a round trip of 42 ms each.*pipelining/)
    expect(said(bulk({ ...application, client: client({ goodBytes: 20_000, dataPackets: 200 }) }), 'try')).toMatch(
      /sends 100 bytes a packet and then waits/,
    )
    const nagle = { ...turns(1), requestMs: distribution(100, 39, 40.2, 41) }
    expect(said(bulk({ turns: nagle, client: client({ goodBytes: 30_000 }) }), 'try')).toMatch(
      /waits for a delayed acknowledgement.*TCP_NODELAY/,
    )
  })

  test('reordering leads to what sends packets along several ways', () => {
    expect(said(bulk({ client: client({ reordered: 79 }) }), 'try')).toMatch(
      /79 segments of the client overtook one another \(3\.8 %\).*packet by packet/,
    )
  })

  test('a short transfer is told to keep its connection, and a reset after silence to keep alive', () => {
    const short = bulk({
      limits: { handshake: 40, slowStart: 160 },
      verdict: { limit: 'slowStart', share: 0.8, because: 'It grew.' },
      client: client({ goodBytes: 60_000, initialWindowBytes: 2920 }),
    })
    expect(said(short, 'try')).toMatch(/keep the connection open.*\n.*began with 2\.9 kB, 2 segments; ten are usual/)
    const silent = bulk({ close: 'resetByServer', idle: { longestMs: 300_000, totalMs: 300_000 } })
    expect(said(silent, 'try')).toMatch(/reset after silences of up to 5 min.*keep-alives/)
  })

  test('half a conversation is told as that', () => {
    const { midStream } = samples()
    expect(said(midStream, 'happened')).toMatch(/^The capture begins in mid-session/)
    expect(said(midStream, 'happened')).not.toMatch(/spoke first/)
    expect(said(midStream, 'trust')).toMatch(/Confidence low: only one direction was captured/)
  })
})
