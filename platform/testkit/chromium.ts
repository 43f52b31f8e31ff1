import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'

const programs = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
/** It must not talk to the world while it is measured, nor need a sandbox where tests run as root. */
const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** A fresh headless Chromium of this machine, or the sentence that says why there is none. Close it at the end. */
export async function openChromium(): Promise<Browser | { readonly skipped: string }> {
  const executablePath = programPath()
  if (executablePath === undefined) return { skipped: whyNoChromium() as string }
  return chromium.launch({ executablePath, args, headless: true })
}

/** Undefined when there is a Chromium, else what to do about it. */
export function whyNoChromium(): string | undefined {
  return programPath() === undefined ? 'Chromium is not installed: apt-get install chromium' : undefined
}

function programPath(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(':')
  return programs.flatMap((program) => folders.map((folder) => join(folder, program))).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
