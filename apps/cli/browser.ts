/** Opens an address for a person: BROWSER, else what the system offers. */
import { spawn } from 'node:child_process'

export function browserCommand(
  url: string,
  env: Readonly<Record<string, string | undefined>>,
  platform: string,
): readonly [string, ...string[]] {
  if (env.BROWSER) return [env.BROWSER, url]
  if (platform === 'darwin') return ['open', url]
  return platform === 'win32' ? ['cmd', '/c', 'start', '', url] : ['xdg-open', url]
}

/** False when no browser could be started; the caller then shows the address. */
export function openInBrowser(url: string): Promise<boolean> {
  const [program, ...args] = browserCommand(url, process.env, process.platform)
  return new Promise((resolve) => {
    const child = spawn(program, args, { detached: true, stdio: 'ignore' })
    child.once('error', () => resolve(false))
    child.once('spawn', () => {
      child.unref()
      resolve(true)
    })
  })
}
