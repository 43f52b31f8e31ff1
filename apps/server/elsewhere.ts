/** Starts controllers (controller.ts) for rehearsals with chaos. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { DriveElsewhere } from '@belay/deployments'
import type { LiveCloudFile } from './cloud-file.ts'
import type { Home } from './home.ts'

const controllerMain = fileURLToPath(new URL('./controller.ts', import.meta.url))

export function driveElsewhere(home: Home, cloudFile: LiveCloudFile, log: (line: string) => void): DriveElsewhere {
  return async (deployment, killAt) => {
    const kill = killAt === undefined ? [] : ['--kill-item', String(killAt.item), '--kill-moment', killAt.moment]
    const child = spawn(
      process.execPath,
      [controllerMain, '--repository', dirname(cloudFile.path), '--home', home.folder, '--deployment', deployment, ...kill],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    )
    child.stderr.on('data', (text: Buffer) => log(`controller of ${deployment}: ${text.toString().trimEnd()}`))
    await once(child, 'exit')
  }
}
