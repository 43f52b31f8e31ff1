import { defineProblems } from '@belay/base'

const known = (names: readonly string[]) => (names.length === 0 ? 'belay.yaml names none.' : `There are: ${names.join(', ')}.`)

export const networkProblem = defineProblems({
  'network-environment-unknown': {
    status: 404,
    say: (f: { environment: string; known: readonly string[] }) => `There is no environment ${f.environment}. ${known(f.known)}`,
  },
  'network-environment-needed': {
    status: 400,
    say: (f: { known: readonly string[] }) => `Say of which environment: there is not exactly one for production. ${known(f.known)}`,
  },
  'network-capture-unknown': {
    status: 404,
    say: (f: { capture: string }) =>
      `There is no capture ${f.capture}; sessions are kept for 90 days. belay tcp send FILE sends one, GET /api/network/captures lists them.`,
  },
  'network-session-unknown': {
    status: 404,
    say: (f: { session: string }) =>
      `There is no TCP session ${f.session}; sessions are kept for 90 days. Ask for GET /api/network/sessions.`,
  },
  'network-not-traced': {
    status: 404,
    say: (f: { session: string }) =>
      `The segments of session ${f.session} are not kept: whoever sent the capture did not send them, or it is longer than 30 days ago.`,
  },
  'network-capture-taken': {
    status: 409,
    say: (f: { capture: string; because: string }) =>
      `Capture ${f.capture} cannot take this part: ${f.because}. Send under an id of your own.`,
  },
  'network-part-unclear': {
    status: 400,
    say: (f: { field: string; because: string }) => `The part of the capture cannot be taken: ${f.field} ${f.because}.`,
  },
  'network-range-unclear': {
    status: 400,
    say: (f: { because: string }) => `The range of time is unclear: ${f.because}.`,
  },
  'network-nothing-to-compare': {
    status: 404,
    say: (f: { side: string }) => `There is no TCP session in ${f.side}, so there is nothing to compare.`,
  },
})
