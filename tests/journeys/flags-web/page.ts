/** A page of somebody's shop, of another origin than Belay: the stock web provider and nothing of Belay's. */
import { OFREPWebProvider } from '@openfeature/ofrep-web-provider'
import { OpenFeature, ProviderEvents } from '@openfeature/web-sdk'

const { url, key } = Object.fromEntries(new URLSearchParams(location.search)) as { url: string; key: string }

async function show(): Promise<void> {
  const client = OpenFeature.getClient()
  const seen = {
    switch: client.getBooleanDetails('switch', false),
    colour: client.getStringValue('colour', 'none'),
    limit: client.getNumberValue('limit', -1),
    layout: client.getObjectValue('layout', {}),
    staff: client.getBooleanValue('staff', false),
    stopped: client.getBooleanValue('stopped', true),
    nope: client.getStringDetails('nope', 'mine'),
  }
  document.body.textContent = JSON.stringify(seen)
}

for (const event of [ProviderEvents.ConfigurationChanged, ProviderEvents.ContextChanged, ProviderEvents.Ready])
  OpenFeature.addHandler(event, () => void show())
Object.assign(window, { be: (who: Record<string, string>) => OpenFeature.setContext(who) })

await OpenFeature.setContext({ targetingKey: 'user-1' })
await OpenFeature.setProviderAndWait(new OFREPWebProvider({ baseUrl: url, headers: [['Authorization', `Bearer ${key}`]] }))
await show()
