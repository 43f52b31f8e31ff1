import { defineProblems, sayCount } from '@belay/base'

export const storeProblem = defineProblems({
  'store-full': {
    status: 507,
    say: (f: { where: string }) =>
      `The disk that holds Belay's state (${f.where}) is full, so nothing new can be kept; what was acknowledged is safe. Make room; no restart is needed.`,
  },
  'store-unreachable': {
    status: 503,
    say: (f: { where: string; because: string }) =>
      `PostgreSQL at ${f.where} cannot be used (${f.because}). Check that it runs, that DATABASE_URL names its host, port and database, and that its user may sign in.`,
  },
  'store-outcome-unknown': {
    status: 503,
    say: (f: { where: string }) =>
      `The connection to PostgreSQL at ${f.where} broke while a change was being committed, so nobody can say from here whether it was kept. Look at the ledger before you repeat it.`,
  },
  'store-busy': {
    status: 503,
    say: (f: { where: string; waitedMs: number }) =>
      `Another process has held the state in ${f.where} for more than ${f.waitedMs / 1_000} s. Find it and let it finish, or end it (lsof names who has the file open; in PostgreSQL ask pg_stat_activity).`,
  },
  'store-damaged': {
    status: 500,
    say: (f: { where: string; because: string }) =>
      `${f.where} cannot be read as Belay's state (${f.because}). Restore it from a backup, or name another folder.`,
  },
  'store-cannot-open': {
    status: 500,
    say: (f: { where: string; because: string }) =>
      `Belay's state in ${f.where} cannot be opened: ${f.because}. Check that the folder exists and is yours to write.`,
  },
  'store-newer': {
    status: 500,
    say: (f: { domain: string; step: string }) =>
      `This database was already changed by a newer Belay (${f.domain}: ${f.step}). Start that newer version, or restore the backup from before it.`,
  },
  'store-overloaded': {
    status: 503,
    say: (f: { waiting: number }) => `${sayCount(f.waiting, 'change')} already wait to be kept. Try again in a few seconds.`,
  },
  'store-closed': {
    status: 503,
    say: () => `Belay is shutting down and takes no more changes. Ask again when it is back.`,
  },
})
