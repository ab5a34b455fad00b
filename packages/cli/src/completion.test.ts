import {spawnSync} from 'node:child_process';
import {Command} from 'commander';
import {describe, expect, test} from 'vitest';
import {addCompletionCommand} from './commands/completion.ts';
import {completionScript} from './completion.ts';
import {CommandContext} from './session.ts';
import {processTerminal} from './terminal.ts';

function program(): Command {
  const made = new Command('flotilla');
  const node = made.command('node');
  node.command('list').option('--json', 'print JSON');
  node.command('drain').option('--no-wait', 'do not wait').option('--json', 'print JSON');
  made.command('write').argument('<file>').option('--db <name>', 'which');
  addCompletionCommand(made, new CommandContext(processTerminal()));
  return made;
}

/** What bash offers behind these words, of which the last is being typed. */
function offered(...words: string[]): string[] {
  const given = ['flotilla', ...words].map((word) => `'${word}'`).join(' ');
  const ask = `COMP_WORDS=(${given}); COMP_CWORD=${words.length}; _flotilla; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const script = `${completionScript(program(), 'bash')}\n${ask}`;
  const {stdout, stderr} = spawnSync('bash', ['-c', script], {encoding: 'utf8'});
  expect(stderr).toBe('');
  return stdout.split('\n').filter((line) => line !== '');
}

describe('bash is offered', () => {
  test.each([
    [[''], ['node', 'write', 'completion', '--help']],
    [['no'], ['node']],
    [
      ['node', ''],
      ['list', 'drain', '--help'],
    ],
    [
      ['node', 'drain', '--'],
      ['--no-wait', '--json', '--help'],
    ],
    [['node', 'drain', '3', '--json', '--n'], ['--no-wait']],
    [['write', 'x'], []],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish', '--help'],
    ],
  ])('behind %j: %j', (words, expected) => {
    expect(offered(...words)).toEqual(expected);
  });
});

test.each(['zsh', 'fish'] as const)(
  'a script for %s has each command with its options',
  (shell) => {
    const script = completionScript(program(), shell);
    expect(script).toMatch(/' node drain'.*--no-wait --json --help/);
    expect(script).toMatch(/' completion'.*bash zsh fish/);
  },
);
