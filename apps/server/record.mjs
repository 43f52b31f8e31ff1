/**
 * What `record: true` starts a Node service with (`--import`), before the service's own code. Plain JavaScript, because
 * a service must start whatever its Node is: one that cannot read the recorder goes without, and says so.
 */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
try {
  if (major > 22 || (major === 22 && minor >= 18)) (await import('@belay/node/record')).startRecorder()
  else console.warn(`Belay: calls are not recorded: Node ${process.versions.node} is older than 22.18.`)
} catch (error) {
  console.warn(`Belay: calls are not recorded: ${error instanceof Error ? error.message : String(error)}`)
}
