/**
 * Who may do what: the one table that server, CLI and page ask. An action names the least role that may do it;
 * higher roles may do all that lower ones may.
 */
export const roles = ['viewer', 'developer', 'operator', 'admin'] as const
export type Role = (typeof roles)[number]

export const permissions = {
  look: 'viewer',
  'release.cut': 'developer',
  'release.push': 'developer',
  'environment.up': 'developer',
  'environment.down': 'developer',
  'sandbox.create': 'developer',
  'sandbox.remove': 'developer',
  'rehearsal.start': 'developer',
  // Deploying anywhere but production; production asks for `deploy.production` on top.
  deploy: 'developer',
  'deploy.production': 'operator',
  // Overriding a refusal (no passed rehearsal). Always with a reason, which becomes a fact.
  'deploy.force': 'operator',
  'deployment.approve': 'operator',
  'deployment.steer': 'developer',
  // Creating, changing, importing flags, segments and rings; where production is touched, `flag.production` on top.
  'flag.change': 'developer',
  'flag.production': 'operator',
  // The kill switch and taking a kill back: whoever is on duty, everywhere, with a reason.
  'flag.kill': 'developer',
  'flag.approve': 'operator',
  'flag.keys': 'operator',
  'calls.import': 'developer',
  // Handing in TCP sessions of captures: addresses and times, no payload.
  'network.send': 'developer',
  'access.manage': 'admin',
} as const satisfies Record<string, Role>
export type Action = keyof typeof permissions
export const actions = Object.keys(permissions) as Action[]

/** May this role, narrowed to these scopes (a token's; undefined for a person), do the action? */
export function may(who: { role: Role; scopes?: readonly string[] | undefined }, action: Action): boolean {
  if (roles.indexOf(who.role) < roles.indexOf(permissions[action])) return false
  return who.scopes === undefined || action === 'look' || who.scopes.includes(action)
}

/** The sentence for somebody who may not. */
export function whyNot(who: { role: Role; scopes?: readonly string[] | undefined }, action: Action): string {
  const least = permissions[action]
  return roles.indexOf(who.role) < roles.indexOf(least)
    ? `This needs the role ${least}; you are ${who.role}. Ask an admin: belay user role NAME ${least}.`
    : `This token's scopes leave out ${action}. Make one with it: belay token create --scope ${action}.`
}
