import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * vitest leaves one core to itself; these tests wait more than they compute. (With a single worker it would also run
 * them after the journeys.)
 */
const workers = Math.max(2, availableParallelism())

/** Journeys that measure no time and watch no live page: two of them may run side by side. */
const patient = [
  'tests/journeys/{guide,guide-flags}.test.ts',
  'tests/journeys/{bad-input,calls-page,network-page,tcp-cli}.test.ts',
  'tests/conformance/{otlp,ofrep}.test.ts',
]
/** Conformance that computes and needs no cloud. */
const computed = ['tests/conformance/changepoints.test.ts', 'tests/conformance/tcp-*.test.ts']

/** The guide takes longest: what would begin last begins first. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = (file: TestSpecification) => Number(file.moduleId.endsWith('journeys/guide.test.ts'))
    return (await super.sort(files)).toSorted((one, other) => isLong(other) - isLong(one))
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    globalSetup: 'platform/testkit/global-setup.ts',
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          maxWorkers: workers,
          include: ['{apps,domains,platform,sdk,examples,bench}/**/*.test.{ts,tsx}'],
          // What takes a tenth of a second alone may take some on two cores that also build and check.
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'checks',
          maxWorkers: workers,
          include: ['tests/checks/**/*.test.ts'],
          exclude: ['tests/checks/violations/**', '**/node_modules/**'],
          testTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'conformance',
          maxWorkers: workers,
          include: [...computed],
          testTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'journeys',
          include: ['tests/{journeys,conformance}/**/*.test.ts'],
          exclude: [...computed, ...patient, '**/node_modules/**'],
          // A journey deploys a real cloud on two cores; beside another one it would measure the neighbour.
          fileParallelism: false,
          sequence: { groupOrder: 1 }, // After all others, which answer sooner.
          testTimeout: 300_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'patient journeys',
          include: patient,
          maxWorkers: workers,
          sequence: { groupOrder: 2 },
          testTimeout: 300_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
})
