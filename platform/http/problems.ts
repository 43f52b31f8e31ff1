import { defineProblems, sayBytes, sayDuration } from '@belay/base'

export const httpProblem = defineProblems({
  'bad-request': {
    status: 400,
    say: (f: { problems: readonly { field: string; message: string }[] }) =>
      `The request is not as it should be: ${f.problems.map((it) => `${it.field}: ${it.message}`).join('; ')}.`,
  },
  'sign-in-needed': {
    status: 401,
    say: () => 'Nobody is signed in, or the session or token has ended. Open a sign-in link, or send a token.',
  },
  'not-allowed': { status: 403, say: (f: { needs: string; because: string }) => f.because },
  'other-origin': {
    status: 403,
    say: (f: { origin: string }) =>
      `A page of ${f.origin} may not act for a person who is signed in here. Use the page that this server serves, or a token.`,
  },
  'not-found': {
    status: 404,
    say: (f: { method: string; path: string }) => `There is no ${f.method} ${f.path}. What there is stands in /api/docs.`,
  },
  'body-too-large': {
    status: 413,
    say: (f: { maxBytes: number }) => `The body is larger than ${sayBytes(f.maxBytes)}, which is the most that this path takes.`,
  },
  'bad-media-type': {
    status: 415,
    say: (f: { got: string; wants: string }) => `This path takes ${f.wants}; the request says ${f.got}.`,
  },
  'wrong-host': {
    status: 421,
    say: (f: { host: string }) =>
      `This server listens on this machine only and was asked as ${f.host}. Ask it as localhost or 127.0.0.1; a page elsewhere could otherwise reach it by a forged name.`,
  },
  'too-many-requests': {
    status: 429,
    say: (f: { afterMs: number }) => `Too many tries from this address. Try again in ${sayDuration(f.afterMs)}.`,
  },
  closing: { status: 503, say: () => 'This server is ending. Ask again in a moment; another one may have begun.' },
  internal: {
    status: 500,
    say: (f: { request: string }) => `Something failed that should not have. The server's log tells more under request ${f.request}.`,
  },
  'port-taken': {
    status: 409,
    say: (f: { host: string; port: number }) =>
      `Port ${f.port} on ${f.host} is taken by another program. End that program (ss -ltnp 'sport = :${f.port}' names it) or choose another port.`,
  },
  'cannot-listen': {
    status: 500,
    say: (f: { host: string; port: number; because: string }) =>
      `The server cannot listen on ${f.host}:${f.port} (${f.because}). Choose an address of this machine and a port from 1024 up.`,
  },
})
