/** Writes belay.schema.json, which editors read: node tools/schema.ts. A test says when it is no longer current. */
import { execFileSync } from 'node:child_process'
import { writeWhole } from '@belay/base/node'
import { cloudFileJsonSchema } from '@belay/cloudfile'

const file = new URL('../belay.schema.json', import.meta.url).pathname
await writeWhole(file, `${JSON.stringify(cloudFileJsonSchema(), null, 2)}\n`)
execFileSync(new URL('../node_modules/.bin/biome', import.meta.url).pathname, ['format', '--write', file], { stdio: 'inherit' })
