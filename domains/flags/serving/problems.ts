import { defineProblems } from '@belay/base'

export const servingProblem = defineProblems({
  'client-key-unknown': {
    status: 404,
    say: (f: { id: string }) => `There is no client key ${f.id}. The page Flags, Keys shows those that there are.`,
  },
  'client-key-name-taken': {
    status: 409,
    say: (f: { name: string; environment: string }) =>
      `${f.environment} has a client key named ${f.name}; figures and the ledger would not tell the two apart. Pick another name or end that one.`,
  },
  'client-key-environment': {
    status: 404,
    say: (f: { environment: string }) =>
      `There is no environment ${f.environment} to make a client key for. belay env ls shows those that there are.`,
  },
  'client-keys-too-many': {
    status: 422,
    say: (f: { max: number }) => `There are ${f.max} client keys, which is the most. End those that nobody uses.`,
  },
  'client-key-needed': {
    status: 401,
    say: () => 'Nobody known asks. Send a server key of the environment: Authorization: Bearer bsk_…',
  },
  'client-key-evaluates-only': {
    status: 403,
    say: (f: { name: string }) =>
      `${f.name} is a client key: it may stand in a page, so it evaluates by OFREP and nothing else. Use a server key here.`,
  },
  'serving-not-allowed': { status: 403, say: (f: { because: string }) => f.because },
  'serving-environment-unclear': {
    status: 400,
    say: (f: { known: readonly string[] }) => `Which environment? Add ?environment=NAME; there are: ${f.known.join(', ')}.`,
  },
  'serving-bad-request': { status: 400, say: (f: { because: string }) => `The request is not as it should be: ${f.because}.` },
  'serving-not-found': {
    status: 404,
    say: (f: { path: string }) => `There is no ${f.path}. Services ask for /api/sdk/definitions, /stream, /membership and /reports.`,
  },
  'serving-too-large': {
    status: 413,
    say: (f: { maxBytes: number }) => `The body is larger than ${f.maxBytes} bytes, which is the most that is taken here.`,
  },
  'serving-too-many-requests': {
    status: 429,
    say: (f: { afterS: number }) => `That is more than one key or address may ask. Ask again in ${f.afterS} s.`,
  },
  'serving-rates-unclear': {
    status: 500,
    say: (f: { text: string }) =>
      `BELAY_FLAG_RATES is "${f.text}"; it takes two whole numbers, requests a second for a key and for an address: 5000,2000.`,
  },
  'serving-too-many-streams': {
    status: 503,
    say: (f: { afterS: number }) => `As many streams are open as this server holds. Come again in ${f.afterS} s, or add a server.`,
  },
})
