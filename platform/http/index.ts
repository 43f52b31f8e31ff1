/** The HTTP ground: one way to register routes, with people, refusals, errors, streams and the API's description. */
export { createApi } from './api.ts'
export { bodyOf, sendJson } from './body.ts'
export { createHub, eventBytes, type Hub, type HubClient, type HubOptions } from './hub.ts'
export { isNestedDeeper } from './nesting.ts'
export { httpProblem } from './problems.ts'
export { credentialsOf } from './raw.ts'
export type { Api, ApiOptions, Ask, Credentials, RawHandler, RouteShape, ServerSentEvent } from './types.ts'
