/**
 * Two programs that make one TCP session with a known cause. `traffic.mjs serve PORT READS` and
 * `traffic.mjs send ADDRESS PORT WRITES SECONDS`; each of READS and WRITES is a word below. The sender says `done` when it
 * has nothing more to do, and resets the session when its standard input ends, so that the kernel can be asked about it at its very end.
 */
import { createConnection, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const [role, ...args] = process.argv.slice(2)
if (role === 'serve') serve(Number(args[0]), args[1])
else await send(args[0], Number(args[1]), args[2], Number(args[3]))

function serve(port, reads) {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    const [how, amount = 0] = reads.split(':')
    if (how === 'slowly') void readSlowly(socket, Number(amount))
    else if (how === 'answering') answer(socket, Number(amount))
    else socket.resume()
  })
  server.listen(port, '0.0.0.0', () => process.stdout.write('ready\n'))
}

/** Takes what has come every so many milliseconds: what the kernel holds meanwhile is all that its window allows. */
async function readSlowly(socket, everyMs) {
  socket.pause()
  while (!socket.destroyed) {
    await sleep(everyMs)
    socket.read()
  }
}

/** Thinks for so long about each question. */
function answer(socket, thinkMs) {
  socket.on('data', async () => {
    await sleep(thinkMs)
    socket.write(Buffer.alloc(20_000))
  })
}

async function send(address, port, writes, seconds) {
  const socket = createConnection({ host: address, port })
  socket.on('error', () => {})
  await new Promise((resolve) => socket.once('connect', resolve))
  const endMs = performance.now() + seconds * 1000
  const [how, amount = 0] = writes.split(':')
  if (how === 'bulk') await bulk(socket, endMs)
  else if (how === 'slowly') await writeSlowly(socket, endMs, Number(amount))
  else await ask(socket, endMs, Number(amount))
  process.stdout.write('done\n')
  process.stdin.on('end', () => socket.resetAndDestroy())
  process.stdin.resume()
}

async function bulk(socket, endMs) {
  const chunk = Buffer.alloc(64 * 1024)
  while (performance.now() < endMs) {
    if (!socket.write(chunk)) await new Promise((resolve) => socket.once('drain', resolve))
  }
}

async function writeSlowly(socket, endMs, everyMs) {
  while (performance.now() < endMs) {
    socket.write(Buffer.alloc(4_000))
    await sleep(everyMs)
  }
}

/** Asks, takes the answer, is silent for so long. */
async function ask(socket, endMs, pauseMs) {
  while (performance.now() < endMs) {
    socket.write(Buffer.alloc(300))
    await new Promise((resolve) => {
      let left = 20_000
      const take = (data) => {
        left -= data.length
        if (left > 0) return
        socket.off('data', take)
        resolve()
      }
      socket.on('data', take)
    })
    await sleep(pauseMs)
  }
}
