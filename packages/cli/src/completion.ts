// Completion scripts for shells, made from the command tree: which words may come behind which. They ask
// nobody when a key is pressed, since starting this program takes longer than a person waits for a word.

import type {Command} from 'commander';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

interface Place {
  /** The commands so far, each with a blank before it: '' at the beginning, ' node drain'. */
  readonly path: string;
  /** What may come next: commands, options, and arguments of which there are a few. */
  readonly words: readonly string[];
  readonly hasCommands: boolean;
}

export function completionScript(program: Command, shell: Shell): string {
  const places = placesOf(program, '');
  switch (shell) {
    case 'bash':
      return bashScript(places);
    case 'zsh':
      return zshScript(places);
    case 'fish':
      return fishScript(places);
    default:
      return shell satisfies never;
  }
}

function placesOf(command: Command, path: string): Place[] {
  const words = [
    ...command.commands.map((each) => each.name()),
    ...command.registeredArguments.flatMap(({argChoices}) => argChoices ?? []),
    ...command.options.flatMap(({long, hidden}) => (long === undefined || hidden ? [] : [long])),
    '--help',
  ];
  const hasCommands = command.commands.length > 0;
  const below = command.commands.flatMap((each) => placesOf(each, `${path} ${each.name()}`));
  return [{path, words: [...new Set(words)], hasCommands}, ...below];
}

/** All that names a command, for the way down the tree. */
function pathsOf(places: readonly Place[], separator: string): string {
  return places
    .filter(({path}) => path !== '')
    .map(({path}) => `'${path}'`)
    .join(separator);
}

/** One branch for each place. */
function cases(places: readonly Place[], branch: (words: string) => string): string {
  return places.map(({path, words}) => `    '${path}') ${branch(words.join(' '))} ;;`).join('\n');
}

function bashScript(places: readonly Place[]): string {
  return `# flotilla completion bash. For all shells to come: add to ~/.bashrc
#   source <(./flotilla completion bash)
_flotilla() {
  local at='' words='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at \${COMP_WORDS[i]}" in
      ${pathsOf(places, '|')}) at="$at \${COMP_WORDS[i]}" ;;
    esac
  done
  case "$at" in
${cases(places, (words) => `words='${words}'`)}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _flotilla flotilla
`;
}

function zshScript(places: readonly Place[]): string {
  return `#compdef flotilla
# flotilla completion zsh. For all shells to come: add to ~/.zshrc, below compinit
#   source <(./flotilla completion zsh)
_flotilla() {
  local at='' i
  local -a choices
  for ((i = 2; i < CURRENT; i++)); do
    case "$at \${words[i]}" in
      ${pathsOf(places, '|')}) at="$at \${words[i]}" ;;
    esac
  done
  case "$at" in
${cases(places, (words) => `choices=(${words})`)}
  esac
  compadd -a choices || _files
}
# As a file _flotilla in one of $fpath it is what zsh calls at the first TAB.
if [[ "\${funcstack[1]}" == _flotilla ]]; then
  _flotilla
else
  compdef _flotilla flotilla
fi
`;
}

function fishScript(places: readonly Place[]): string {
  const lines = places.map(
    ({path, words, hasCommands}) =>
      `complete -c flotilla${hasCommands ? ' -f' : ''} -n "__flotilla_at '${path}'" -a '${words.join(' ')}'`,
  );
  return `# flotilla completion fish. For all shells to come:
#   ./flotilla completion fish > ~/.config/fish/completions/flotilla.fish
function __flotilla_at
  set -l at ''
  set -l given (commandline -opc)
  for word in $given[2..-1]
    if contains -- "$at $word" ${pathsOf(places, ' ')}
      set at "$at $word"
    end
  end
  test "$at" = "$argv[1]"
end
${lines.join('\n')}
`;
}
