/** What git tells of a release against an earlier one: commits, authors, steps that change a database. */
import { sayCount } from '@belay/base'
import type { Repository } from './git.ts'
import { commitsMax, databaseStepsOf, pathsMax, type Release, type ReleaseConfig, tellCommits } from './model.ts'

export type History = Pick<Release, 'since' | 'commits' | 'authors' | 'databaseSteps'> & { readonly warnings: string[] }
type Point = { readonly commit: string; readonly config: ReleaseConfig }
type Base = { readonly name: string; readonly commit: string }

/**
 * @param base the earlier release; undefined: there is none, and the whole history and every file counts
 * @param called how a sentence names the base, "v1" or "production's release v1"
 */
export async function historyOf(repository: Repository, to: Point, base: Base | undefined, called: string): Promise<History> {
  const since = base ? { release: base.name, commit: base.commit } : null
  if (base && !(await repository.has(base.commit))) {
    const unknown = to.config.deploy.map(() => null)
    return {
      since,
      ...tellCommits([]),
      databaseSteps: databaseStepsOf(to.config.deploy, unknown),
      warnings: [
        `The commit of ${called} (${base.commit.slice(0, 10)}) is not in this repository, so what changed since then is not known: no commits are listed, and every step that may change a database is.`,
      ],
    }
  }
  const from = base?.commit ?? null
  const commits = await repository.log(from, to.commit, commitsMax + 1)
  const lacking = from === null ? 0 : await repository.countLacking(from, to.commit)
  const changed: string[][] = []
  for (const step of to.config.deploy) changed.push(await repository.filesChanged(from, to.commit, step.watch ?? []))
  return {
    since,
    ...tellCommits(commits),
    databaseSteps: databaseStepsOf(to.config.deploy, changed),
    warnings: [
      ...(lacking === 0
        ? []
        : [
            `This release lacks ${sayCount(lacking, 'commit')} of ${called}, whose commit is not an ancestor; deploying it takes ${lacking === 1 ? 'that one' : 'those'} back.`,
          ]),
      ...(commits.length > commitsMax
        ? [`Only the newest ${sayCount(commitsMax, 'commit')}${base ? ` since ${called}` : ' of the history'} are listed.`]
        : []),
      ...to.config.deploy.flatMap(({ step }, index) => {
        const more = (changed[index]?.length ?? 0) - pathsMax
        return more > 0 ? [`${step}: ${sayCount(more, 'more file')} changed under its watched paths than are listed.`] : []
      }),
    ],
  }
}
