/**
 * Drives one deployment in a process of its own, and dies by SIGKILL at the moment it is told: so a rehearsal with
 * chaos shows that a deployment whose controller is gone goes on, with a real death and not a pretended one.
 *
 * node controller.ts --repository DIR --home DIR --deployment ID [--kill-item N --kill-moment begun|done]
 */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openCloudFile } from './cloud-file.ts'
import { compose } from './compose.ts'
import { openHome } from './home.ts'

const { values } = parseArgs({
  options: {
    repository: { type: 'string' },
    home: { type: 'string' },
    deployment: { type: 'string' },
    'kill-item': { type: 'string' },
    'kill-moment': { type: 'string' },
  },
})
const house = await compose({
  home: await openHome(values.home ?? ''),
  cloudFile: await openCloudFile(join(values.repository ?? '', 'belay.yaml')),
  log: (line, error) => console.error(line, error ?? ''),
})
await house.flags.load()
await house.deployments.drive(values.deployment ?? '', (moment, index) => {
  if (String(index) === values['kill-item'] && moment === values['kill-moment']) process.kill(process.pid, 'SIGKILL')
})
await house.close()
