import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {Command} from 'commander';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {addCompletionCommand} from './commands/completion.ts';
import {isInstalled, offered} from './completion.fixture.ts';
import {completionScript, SHELLS, type Shell} from './completion.ts';
import {CommandContext} from './session.ts';
import {processTerminal} from './terminal.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'flotilla-completion-'));
});
afterAll(() => rmSync(directory, {recursive: true}));

function program(): Command {
  const made = new Command('flotilla');
  const node = made.command('node');
  node.command('list').option('--json', 'print JSON');
  node.command('drain').option('--no-wait', 'do not wait').option('--json', 'print JSON');
  made.command('write').argument('<file>').option('--db <name>', 'which');
  addCompletionCommand(made, new CommandContext(processTerminal()));
  return made;
}

/** In whatever order it shows them. */
function offeredBy(shell: Shell, ...words: string[]): string[] {
  return offered(shell, completionScript(program(), shell), {directory, words}).sort();
}

for (const shell of SHELLS) {
  describe.skipIf(!isInstalled(shell))(`${shell} (skipped where it is not installed)`, () => {
    test.each([
      [[''], ['node', 'write', 'completion', '--help']],
      [['no'], ['node']],
      [
        ['node', ''],
        ['list', 'drain', '--help'],
      ],
      [
        ['node', 'drain', ''],
        ['--no-wait', '--json', '--help'],
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
    ])('is offered behind %j: %j', (words, expected) => {
      expect(offeredBy(shell, 'flotilla', ...words)).toEqual(expected.sort());
    });

    test('is offered the same where the program is called by its path', () => {
      expect(offeredBy(shell, './flotilla', 'node', 'l')).toEqual(['list']);
    });

    test('is offered files where a command takes one', () => {
      const rows = path.join(directory, 'empty/rows.lp');
      mkdirSync(path.dirname(rows), {recursive: true});
      writeFileSync(rows, '');
      // Bash itself asks for them where a script has nothing to offer.
      const files = shell === 'bash' ? [] : ['rows.lp'];
      expect(offeredBy(shell, 'flotilla', 'write', 'ro')).toEqual(files);
      rmSync(rows);
    });
  });
}

test.skipIf(!isInstalled('zsh'))('zsh finds it in its functions, too (wants zsh)', () => {
  const functions = path.join(directory, 'functions');
  mkdirSync(functions);
  writeFileSync(path.join(functions, '_flotilla'), completionScript(program(), 'zsh'));
  const found = 'fpath=($DIRECTORY/functions $fpath); compinit -u -D';
  expect(offered('zsh', found, {directory, words: ['flotilla', 'node', 'l']})).toEqual(['list']);
});
