import { defineProblems, sayBytes } from '@belay/base'

const ofFormat = {
  flagd: 'a flagd document: {"flags": {KEY: {"state": …, "variants": …}}}',
  unleash: 'an export of Unleash: features with featureStrategies, a state export, or the features that its clients get',
  growthbook: 'a features payload of GrowthBook: {"features": {KEY: {"defaultValue": …, "rules": […]}}}',
} as const
const names = { flagd: 'a flagd document', unleash: 'an export of Unleash', growthbook: 'a payload of GrowthBook' } as const
export type SaidFormat = keyof typeof ofFormat

/** The sentences of import and export. */
export const exchangeProblem = defineProblems({
  'import-too-large': {
    status: 413,
    say: (f: { bytesMax: number }) =>
      `The document is larger than ${sayBytes(f.bytesMax)}, which is the most. Split it; long lists of keys go into segments (belay segment upload).`,
  },
  'import-not-text': { status: 422, say: () => 'The document is not UTF-8 text. Save it as UTF-8 JSON and send it again.' },
  'import-not-json': {
    status: 422,
    say: (f: { line: number; column: number; because: string }) =>
      `The document is not JSON: line ${f.line}, column ${f.column}: ${f.because}.`,
  },
  'import-not-format': {
    status: 422,
    say: (f: { format: SaidFormat; path: string; because: string; perhaps: SaidFormat | null }) =>
      `${f.path === '' ? 'The document' : f.path} ${f.because}. Expected ${ofFormat[f.format]}.${f.perhaps === null ? '' : ` It looks like ${names[f.perhaps]}: try that format.`}`,
  },
  'import-environment-unclear': {
    status: 422,
    say: (f: { environment: string; found: readonly string[] }) =>
      `The document has several environments (${f.found.join(', ')}) and none of them is ${f.environment}. Leave the environment out to take each by its name.`,
  },
  'import-nothing': {
    status: 422,
    say: () => 'The document has no flags and no segments, so there is nothing to import. Is it the right file?',
  },
})

/** The sentences of the search for flags in code. */
export const referenceProblem = defineProblems({
  'code-not-a-repository': {
    status: 500,
    say: (f: { repository: string; because: string }) =>
      `${f.repository} cannot be searched for flags: ${f.because}. Start the server in the git repository of your code.`,
  },
  'code-git-missing': {
    status: 500,
    say: (f: { repository: string }) =>
      `git is not installed on the server, so ${f.repository} cannot be searched. Install it (apt-get install git); no restart is needed.`,
  },
  'code-unknown-ref': {
    status: 404,
    say: (f: { ref: string }) =>
      `git knows no commit ${JSON.stringify(f.ref)}. Name a branch, a tag or a commit; fetch it first when it is elsewhere.`,
  },
  'code-search-failed': { status: 500, say: (f: { because: string }) => `git could not search the code: ${f.because}.` },
  'code-search-too-long': {
    status: 503,
    say: (f: { seconds: number; keys: number }) =>
      `The search of the code took longer than ${f.seconds} s and was ended. ${f.keys > 1 ? 'Ask for fewer flags at once.' : 'Try again when the server is less busy.'}`,
  },
})
