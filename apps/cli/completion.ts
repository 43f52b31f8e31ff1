/** Completion scripts, made from the commands themselves. Pure. */
import type { Command } from 'commander'

export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

export type Word = { readonly word: string; readonly says: string }
/** What may follow a path of words: `''` is `belay` itself, `release` is `belay release`. */
export type Completions = ReadonlyMap<string, readonly Word[]>

export function describeCommands(program: Command): Completions {
  const found = new Map<string, readonly Word[]>()
  const visit = (command: Command, path: string): void => {
    const members = command.commands.map((it) => ({ word: it.name(), says: it.summary() }))
    const options = command.options
      .filter(({ long }) => long !== undefined)
      .map(({ long, description }) => ({ word: long as string, says: description }))
    found.set(path, [...members, ...options, { word: '--help', says: 'show help' }])
    for (const member of command.commands) visit(member, `${path} ${member.name()}`.trim())
  }
  visit(program, '')
  return found
}

export function scriptFor(shell: Shell, completions: Completions): string {
  return { bash, zsh, fish }[shell](completions)
}

/** Words that are options, and what they were given, do not lead further down the tree of commands. */
const cases = (completions: Completions): string =>
  [...completions].map(([path, words]) => `    '${path}') words='${words.map(({ word }) => word).join(' ')}' ;;`).join('\n')

function bash(completions: Completions): string {
  return `# belay completion for bash
_belay() {
  local path='' word deeper index words known='|${[...completions.keys()].filter((path) => path !== '').join('|')}|'
  for ((index = 1; index < COMP_CWORD; index++)); do
    word="\${COMP_WORDS[index]}"
    deeper="\${path:+$path }$word"
    if [[ $known == *"|$deeper|"* ]]; then path="$deeper"; fi
  done
  case "$path" in
${cases(completions)}
    *) words='--json --help' ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _belay belay
`
}

const zshText = (text: string): string => text.replaceAll("'", '’').replaceAll(':', '\\:')

function zsh(completions: Completions): string {
  const branches = [...completions]
    .map(([path, words]) => `    '${path}') words=(${words.map(({ word, says }) => `'${zshText(word)}:${zshText(says)}'`).join(' ')}) ;;`)
    .join('\n')
  return `#compdef belay
_belay() {
  local path='' word deeper
  local -a words_before words
  local -A known=(${[...completions.keys()]
    .filter((path) => path !== '')
    .map((path) => `'${path}' 1`)
    .join(' ')})
  words_before=(\${\${(@)words[2,CURRENT-1]}:#-*})
  for word in $words_before; do
    deeper="\${path:+$path }$word"
    [[ -n \${known[$deeper]} ]] && path="$deeper"
  done
  case "$path" in
${branches}
  esac
  _describe 'belay' words
}
compdef _belay belay
`
}

const fishText = (text: string): string => text.replaceAll("'", "\\'")

function fish(completions: Completions): string {
  const lines = [...completions].flatMap(([path, words]) =>
    words.map(({ word, says }) => {
      const when = `-n '__belay_at "${path}"'`
      return word.startsWith('--')
        ? `complete -c belay ${when} -l ${word.slice(2)} -d '${fishText(says)}'`
        : `complete -c belay -f ${when} -a ${word} -d '${fishText(says)}'`
    }),
  )
  return `# belay completion for fish
function __belay_at
  set -l path (string match -v -- '-*' (commandline -opc)[2..-1])
  set -l known ${[...completions.keys()]
    .filter((path) => path !== '')
    .map((path) => `'${path}'`)
    .join(' ')}
  set -l here ''
  for word in $path
    set -l deeper (string trim "$here $word")
    contains -- $deeper $known; and set here $deeper
  end
  test "$here" = "$argv[1]"
end
${lines.join('\n')}
`
}
