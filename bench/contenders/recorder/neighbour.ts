/** Another process on the machine that computes without end, until who started it is gone. */
process.on('disconnect', () => process.exit())
const turn = (): void => {
  const endMs = performance.now() + 20
  while (performance.now() < endMs);
  setImmediate(turn)
}
turn()
