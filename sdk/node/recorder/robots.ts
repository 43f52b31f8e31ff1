/** Which user agents are robots': a list that others keep, loaded only when a recorder starts. */
import { isbot } from 'isbot'

/** The same agents come again and again, and the list is one long expression. */
const agentsMax = 1_000

export function robots(): (userAgent: string) => boolean {
  const known = new Map<string, boolean>()
  return (userAgent) => {
    let robot = known.get(userAgent)
    if (robot === undefined) {
      robot = isbot(userAgent)
      if (known.size >= agentsMax) known.clear()
      known.set(userAgent, robot)
    }
    return robot
  }
}
