/** What is wrong with a command line is said before anything is opened. */
import { CommanderError } from 'commander'
import { Problem } from '@belay/base'
import { expect, test } from 'vitest'
import { createProgram } from '../program.ts'

const cases: readonly [line: string, says: RegExp][] = [
  ['tcp', /missing required argument 'files'/],
  ['tcp a.pcap --sort beauty', /Allowed choices are score, duration/],
  ['tcp a.pcap --port ssh', /Write a port from 0 to 65535/],
  ['tcp a.pcap --host nowhere.example', /Write an address or a network/],
  ['tcp a.pcap --from yesterdayish', /Write for example 2h/],
  ['tcp a.pcap --limit speed', /Choose from handshake, slow-start/],
  ['tcp a.pcap --top 0', /from 1 to 10000/],
  ['tcp a.pcap --session -1', /whole number from 0/],
  ['tcp a.pcap --workers 0', /whole number from 1/],
  ['tcp a.pcap --json --csv', /Choose one of --json and --csv/],
  ['tcp --host 10.0.0.7 live', /after the command: belay tcp live --host/],
  ['tcp compare a.pcap', /Name two captures, A and B/],
  ['tcp compare --a a.pcap', /Name two captures, A and B/],
  ['tcp compare a.pcap b.pcap --a c.pcap --b d.pcap', /Name two captures|too many arguments/],
  ['tcp compare a b --cpu-a much', /Write for example 30s/],
  ['tcp compare a b --memory-b 12parsec', /Write for example 64MB/],
  ['tcp live --interface -w', /argument missing|name of an interface/],
  ['tcp live --host a;b', /one address or host name/],
  ['tcp live --send --sockets', /choose one of --send and --sockets/],
  ['tcp live --sort beauty', /Allowed choices are speed/],
  ['tcp record --into ring', /required option '-i, --interface <name>'/],
  ['tcp record -i lo', /required option '--into <folder>'/],
  ['tcp record -i lo --into ring --files 1', /from 2 to/],
  ['tcp record -i lo --into ring --size big', /64MB/],
  ['tcp record -i lo --into ring --snaplen 20', /from 96 to/],
  ['tcp send', /missing required argument 'files'/],
  ['network session', /missing required argument 'id'/],
  ['network compare a', /missing required argument 'b'/],
  ['network calls --because luck', /Allowed choices are network, server, unknown/],
  ['network sessions --day today --last 2h --url http://127.0.0.1:9', /in one way|No Belay server/],
]

test.each(cases)('belay %s is refused with a sentence', async (line, says) => {
  const words = line.split(' ')
  const program = await createProgram(words[0])
  const silence = (command: typeof program): void => {
    command.configureOutput({ writeErr: () => {}, outputError: () => {} })
    command.commands.forEach(silence)
  }
  silence(program)
  const thrown = await program.parseAsync(words, { from: 'user' }).then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(thrown instanceof CommanderError || thrown instanceof Problem).toBe(true)
  expect((thrown as Error).message).toMatch(says)
})
