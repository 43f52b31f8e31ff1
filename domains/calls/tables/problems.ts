import { defineProblems } from '@belay/base'

const known = (names: readonly string[], none: string) => (names.length === 0 ? none : `There are: ${names.join(', ')}.`)
const meant = (near: string | null) => (near === null ? '' : ` Did you mean ${near}?`)

export const tablesProblem = defineProblems({
  'calls-environment-unknown': {
    status: 404,
    say: (f: { environment: string; known: readonly string[] }) =>
      `There is no environment ${f.environment}, and no call was ever recorded in one. ${known(f.known, 'belay.yaml names none.')}`,
  },
  'calls-environment-needed': {
    status: 400,
    say: (f: { known: readonly string[] }) =>
      `Say of which environment: there is not exactly one for production. ${known(f.known, 'belay.yaml names none.')}`,
  },
  'calls-service-unknown': {
    status: 404,
    say: (f: { service: string; environment: string; near: string | null; known: readonly string[] }) =>
      `No call of a service ${f.service} was ever recorded in ${f.environment}.${meant(f.near)} ${known(f.known, 'None was of any service.')}`,
  },
  'calls-method-unknown': {
    status: 404,
    say: (f: { method: string; service: string; environment: string; near: string | null }) =>
      `No call of ${f.service} ${f.method} was ever recorded in ${f.environment}.${meant(f.near)} belay calls top shows all methods.`,
  },
  'calls-range-unclear': {
    status: 400,
    say: (f: { because: string }) => `The range of time is unclear: ${f.because}.`,
  },
  'calls-filter-unclear': {
    status: 400,
    say: (f: { field: string; because: string }) => `The filter ${f.field} is unclear: ${f.because}.`,
  },
  'calls-nothing-to-compare': {
    status: 404,
    say: (f: { with: string; environment: string }) =>
      `No call of ${f.with} was recorded in ${f.environment}, so there is nothing to compare with.`,
  },
})
