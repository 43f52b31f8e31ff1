/** The HTTP ground: one way to register routes, with people, refusals, errors, streams and the API's description. */
export { createApi } from './api.ts'
export { httpProblem } from './problems.ts'
export type { Api, ApiOptions, Ask, Credentials, RouteShape, ServerSentEvent } from './types.ts'
