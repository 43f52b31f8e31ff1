import { createClient, routes } from '@belay/protocol'
import { onEachStore } from '@belay/testkit'
import { expect, test } from 'vitest'
import { openServingWorld } from './fixtures.ts'
import { clientKeysKeepTheirPromises } from './keys.contract.ts'

onEachStore('client keys', clientKeysKeepTheirPromises)

test('client keys are made, listed and ended over HTTP', async () => {
  await using world = await openServingWorld()
  const client = createClient({ url: world.url, token: 'blt_operator' })
  const { key, secret } = await client.call(routes.clientKeys.create, { body: { name: 'shop', kind: 'client', environment: 'qa' } })
  expect([key.createdBy, world.keys.who(secret)?.id]).toEqual(['otto', key.id])
  const { keys } = await client.call(routes.clientKeys.list, {})
  expect(keys.map(({ name }) => name)).toEqual(['page', 'service', 'shop'])
  expect(JSON.stringify(keys)).not.toContain(secret)
  await client.call(routes.clientKeys.revoke, { params: { id: key.id } })
  expect(world.keys.who(secret)).toBeUndefined()
  const developer = createClient({ url: world.url, token: 'blt_developer' })
  await expect(developer.call(routes.clientKeys.revoke, { params: { id: 'x' } })).rejects.toMatchObject({ code: 'not-allowed' })
})
