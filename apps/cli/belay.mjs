#!/usr/bin/env node
/**
 * The door of `belay`. Belay's own code needs Node 24, which runs TypeScript as it stands; this file is plain enough
 * for Node 18 and starts the Node that the project brings along when it was started by an older one.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import module from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const neededMajor = 24

if (Number(process.versions.node.split('.')[0]) >= neededMajor) {
  // Compiled code is kept between runs: half the time of `belay --help`.
  module.enableCompileCache()
  await import('./main.ts')
} else {
  const here = dirname(fileURLToPath(import.meta.url))
  const ours = join(here, '..', '..', 'node_modules', '.bin', 'node')
  if (existsSync(ours)) {
    const child = spawn(ours, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' })
    // Ctrl-C reaches the child by itself, as a member of the terminal's group; it decides how to end.
    process.on('SIGINT', () => {})
    for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
    child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)))
  } else {
    const sentence = `Belay needs Node ${neededMajor} or newer; this is ${process.version}. Run \`npm ci\` in Belay's folder, which brings it along, or install Node ${neededMajor}.`
    if (process.argv.includes('--json')) {
      const error = { code: 'node-too-old', message: sentence, facts: { version: process.version, needed: neededMajor } }
      process.stdout.write(`${JSON.stringify({ schemaVersion: 1, error })}\n`)
    } else {
      process.stderr.write(`${sentence}\n`)
    }
    process.exitCode = 1
  }
}
