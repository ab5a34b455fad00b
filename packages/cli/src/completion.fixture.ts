// What a shell offers where TAB is pressed, by that shell itself. Zsh completes in its line editor alone, so it
// gets a terminal (zsh/zpty) and is typed into; its own `compadd` says what of the words matches.

import {spawnSync} from 'node:child_process';
import {mkdirSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {expect} from 'vitest';
import type {Shell} from './completion.ts';

export function isInstalled(shell: Shell): boolean {
  return spawnSync(shell, ['-c', 'true']).status === 0;
}

/** Behind these words, of which the last is being typed, where `directory` holds nothing else. */
export function offered(
  shell: Shell,
  script: string,
  {directory, words}: {readonly directory: string; readonly words: readonly string[]},
): string[] {
  writeFileSync(path.join(directory, `script.${shell}`), script);
  const empty = path.join(directory, 'empty');
  mkdirSync(empty, {recursive: true});
  const args = ASKED[shell](words);
  const env = {PATH: process.env['PATH'], HOME: directory, DIRECTORY: directory, TERM: 'dumb'};
  const {stdout, stderr} = spawnSync(shell, args, {encoding: 'utf8', cwd: empty, env});
  expect(stderr).toBe('');
  return stdout.split('\n').filter((line) => line !== '');
}

const ASKED: Readonly<Record<Shell, (words: readonly string[]) => string[]>> = {
  bash: (words) => {
    const given = words.map((word) => `'${word}'`).join(' ');
    const ask = `COMP_WORDS=(${given}); COMP_CWORD=${words.length - 1}; _flotilla`;
    return ['-c', `source "$DIRECTORY/script.bash"; ${ask}; printf '%s\\n' "\${COMPREPLY[@]}"`];
  },
  zsh: (words) => ['-f', '-c', typedIntoZsh(words.join(' '))],
  fish: (words) => {
    const ask = `complete --do-complete '${words.join(' ')}'`;
    return ['--no-config', '-c', `source "$DIRECTORY/script.fish"; ${ask}`];
  },
};

/** What it offers goes into a file: the terminal shows it as it likes. */
function typedIntoZsh(line: string): string {
  return `
cat > $DIRECTORY/setup <<'END'
PROMPT='ready> '
autoload -Uz compinit && compinit -u -d $DIRECTORY/dump
source $DIRECTORY/script.zsh
compadd() {
  # The completion functions ask it what would match, too.
  if [[ \${@[1,(i)(-|--)]} != *-(O|A|D)\\ * ]]; then
    local -a hits
    builtin compadd -A hits "$@"
    print -rl -- $hits >> $DIRECTORY/offered
  fi
  builtin compadd "$@"
}
comppostfuncs=(exit)
END
: > $DIRECTORY/offered
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'source $DIRECTORY/setup'
zpty -r shell seen '*ready> *'
zpty -w -n shell '${line}'$'\\t'
zpty -r shell seen '*it ends before that*'
cat $DIRECTORY/offered
`;
}
