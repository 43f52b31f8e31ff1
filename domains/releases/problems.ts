import { defineProblems, sayBytes } from '@belay/base'
import { releaseNameRule } from './model.ts'

const shortSha = (commit: string) => commit.slice(0, 10)

export const releaseProblem = defineProblems({
  'unknown-release': {
    status: 404,
    say: (f: { name: string; near: readonly string[]; any: boolean }) =>
      `There is no release ${f.name}. ${
        f.near.length > 0
          ? `Did you mean ${f.near.join(' or ')}?`
          : f.any
            ? 'belay release ls shows all of them.'
            : 'There is none at all yet; make one: belay release cut'
      }`,
  },
  'release-name-invalid': {
    status: 422,
    say: (f: { name: string }) => `${JSON.stringify(f.name)} cannot name a release. A name has ${releaseNameRule}.`,
  },
  'release-name-taken': {
    status: 409,
    say: (f: { name: string; commit: string; wanted: string }) =>
      `${f.name} is already the release of commit ${shortSha(f.commit)}, and a release never changes. Give commit ${shortSha(f.wanted)} another name with --name.`,
  },
  'commit-already-released': {
    status: 409,
    say: (f: { name: string; commit: string; wanted: string }) =>
      `Commit ${shortSha(f.commit)} is already release ${f.name}, and a release has one name, so it cannot also be ${f.wanted}. Use ${f.name}.`,
  },
  'release-differs': {
    status: 409,
    say: (f: { name: string; commit: string; differs: readonly string[] }) =>
      `Commit ${shortSha(f.commit)} is already release ${f.name} with other content (${f.differs.join(', ')}), and a release never changes. Make a new commit, or use ${f.name}.`,
  },
  'not-a-repository': {
    status: 500,
    say: (f: { repository: string; because: string }) =>
      `${f.repository} cannot be read as a git repository: ${f.because}. Start the server in the repository of your cloud, or run git init there and commit.`,
  },
  'git-missing': {
    status: 500,
    say: (f: { repository: string }) =>
      `git is not installed on the server, so nothing can be cut from ${f.repository}. Install it (apt-get install git); no restart is needed.`,
  },
  'git-failed': {
    status: 500,
    say: (f: { command: string; because: string }) => `git ${f.command} failed: ${f.because}`,
  },
  'unknown-ref': {
    status: 404,
    say: (f: { ref: string; near: readonly string[]; empty: boolean }) =>
      f.empty
        ? 'The repository has no commit yet. Commit first, then cut.'
        : `git knows no commit ${JSON.stringify(f.ref)}.${f.near.length > 0 ? ` Did you mean ${f.near.join(' or ')}?` : ' Name a branch, a tag or a commit; fetch it first when it is elsewhere.'}`,
  },
  'cloud-file-missing': {
    status: 422,
    say: (f: { file: string; commit: string; uncommitted: boolean }) =>
      `Commit ${shortSha(f.commit)} has no ${f.file}. ${
        f.uncommitted
          ? `There is one in the working tree: commit it (git add ${f.file} && git commit), then cut.`
          : 'Write one with belay init, commit it, then cut.'
      }`,
  },
  'cloud-file-broken': {
    status: 422,
    say: (f: { file: string; commit: string; problems: readonly string[] }) =>
      `${f.file} of commit ${shortSha(f.commit)} cannot be used:\n${f.problems.join('\n')}`,
  },
  'service-path-missing': {
    status: 422,
    say: (f: { service: string; path: string; commit: string }) =>
      `services.${f.service}.path: commit ${shortSha(f.commit)} has no folder ${f.path}. Mend the path, or commit the folder.`,
  },
  'service-path-lost': {
    status: 422,
    say: (f: { service: string; path: string; build: string }) =>
      `services.${f.service}.path: after its build (${f.build}) ${f.path} is no folder of the checkout any more, so there is nothing to pack. Let the build leave its folder in place.`,
  },
  'build-failed': {
    status: 422,
    say: (f: { service: string; build: string; because: string; lastLines: readonly string[] }) =>
      `The build of ${f.service} (${f.build}) ${f.because}. No release was made.${f.lastLines.length > 0 ? ` It said last:\n${f.lastLines.join('\n')}` : ' It printed nothing.'}`,
  },
  'artifact-too-large': {
    status: 413,
    say: (f: { what: string; size: string; limit: string }) =>
      `${f.what} is ${f.size}; at most ${f.limit} can be kept. Leave out what a host does not need (build output, caches, test data).`,
  },
  'artifact-corrupted': {
    status: 500,
    say: (f: { service: string; release: string; artifact: string; path: string; because: string }) =>
      `The artifact of ${f.service} in release ${f.release} ${f.because} (${f.path}). Build it anew with belay release cut --ref COMMIT --rebuild, or push the release's bundle again; until then nothing of it is deployed.`,
  },
  'disk-full': {
    status: 507,
    say: (f: { folder: string; freeBytes: number | null; doing: string }) =>
      `The disk of ${f.folder} is full${f.freeBytes === null ? '' : ` (${sayBytes(f.freeBytes)} free)`}, so ${f.doing} stopped; nothing half-done was kept. Make room and try again.`,
  },
  'bundle-broken': {
    status: 422,
    say: (f: { file: string; field: string; message: string; more: number }) =>
      `The bundle cannot be taken: ${f.file}${f.field === '' ? '' : `: ${f.field}`}: ${f.message}${f.more > 0 ? `, and ${f.more} more` : ''}. Nothing of it was kept.`,
  },
})
