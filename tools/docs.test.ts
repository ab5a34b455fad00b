// The pages are held to the program: every error code and limit is in them, every command they name
// exists, and no link of theirs is dead.

import {spawnSync} from 'node:child_process';
import {existsSync, readFileSync} from 'node:fs';
import path from 'node:path';
import {expect, test} from 'vitest';
import {ERRORS} from '../packages/base/src/errors.ts';
import {run} from '../packages/cli/src/program.fixture.ts';
import {METRICS} from '../packages/server/src/metrics/catalogue.ts';
import {renderLimits} from './limits.mjs';
import {renderMetrics} from './metrics.mjs';

const ROOT = path.resolve(import.meta.dirname, '..');
const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');

/** Pages for users and contributors, wherever they stand. */
function pages(): string[] {
  const patterns = ['*.md', 'docs/**/*.md', 'packages/*/*.md', 'bench/*.md', 'deploy/**/*.md'];
  const {stdout} = spawnSync(
    'git',
    ['ls-files', '-co', '--exclude-standard', '--', ...patterns.map((glob) => `:(glob)${glob}`)],
    {cwd: ROOT, encoding: 'utf8'},
  );
  return stdout.split('\n').filter((file) => file !== '' && existsSync(path.join(ROOT, file)));
}

async function helpOf(...words: string[]): Promise<string> {
  const {code, out} = await run([...words, '--help']);
  expect(code, `flotilla ${words.join(' ')} --help`).toBe(0);
  return out;
}

/** The names under `Commands:` of a help text. */
export function commandsIn(help: string): string[] {
  const [, list = ''] = /^Commands:\n((?: {2}.*\n?)*)/m.exec(help) ?? [];
  return [...list.matchAll(/^ {2}([a-z][a-z-]*)/gm)].map(([, name]) => name!);
}

/** `./flotilla word word` as it stands in code of a page; options end the words. */
export function commandsNamed(page: string): string[][] {
  const code = [...page.matchAll(/```[^\n]*\n([\s\S]*?)```|`([^`\n]+)`/g)].map(
    ([, block, inline]) => block ?? inline ?? '',
  );
  return code.flatMap((text) =>
    [...text.matchAll(/\.\/flotilla((?: +[a-z][a-z-]*)+)/g)].map(([, words]) =>
      words!.trim().split(/ +/),
    ),
  );
}

test('docs/http.md names every code with its status and retry class', () => {
  const page = read('docs/http.md').replace(/ +/g, ' ');
  const wrong = Object.entries(ERRORS).filter(
    ([code, {http, retry}]) => !page.includes(`| \`${code}\` | ${http} | ${retry} |`),
  );
  expect(wrong.map(([code]) => code)).toEqual([]);
});

test('docs/http.md names no code that does not exist', () => {
  const rows = [...read('docs/http.md').matchAll(/^\| `([A-Z_]+)` +\| \d{3} +\|/gm)];
  expect(rows.map(([, code]) => code!).filter((code) => !Object.hasOwn(ERRORS, code))).toEqual([]);
});

test('docs/limits.md is what LIMITS says now; else run `npm run limits`', () => {
  expect(read('docs/limits.md')).toBe(renderLimits());
});

test('docs/metrics.md is what METRICS says now; else run `npm run metrics`', () => {
  expect(read('docs/metrics.md')).toBe(renderMetrics());
});

test('every metric that an alert names exists', () => {
  const named = read('deploy/prometheus/alerts.yaml').match(/\bflotilla_\w+/g)!;
  const families = named.map((name) => name.replace(/_(bucket|sum|count)$/, ''));
  expect(families.length).toBeGreaterThan(5);
  expect(families.filter((name) => !Object.hasOwn(METRICS, name))).toEqual([]);
});

test('every command that a page names exists', async () => {
  const top = commandsIn(await helpOf());
  expect(top).toContain('start');
  const groups = new Map<string, string[]>();
  const wrong: string[] = [];
  for (const page of pages()) {
    for (const [command, sub] of commandsNamed(read(page))) {
      if (command === undefined || !top.includes(command)) {
        wrong.push(`${page}: ./flotilla ${command}`);
        continue;
      }
      const subs = groups.get(command) ?? commandsIn(await helpOf(command));
      groups.set(command, subs);
      // A group alone, or with --help, lists what is under it.
      if (subs.length > 0 && sub !== undefined && !subs.includes(sub))
        wrong.push(`${page}: ./flotilla ${command} ${sub}`);
    }
  }
  expect(wrong).toEqual([]);
});

test('each command that a verdict or an alert names as the next one exists', async () => {
  const sources = [
    'packages/server/src/engine/verdict.ts',
    'packages/server/src/engine/node-reasons.ts',
    'packages/server/src/engine/notices.ts',
    'deploy/prometheus/alerts.yaml',
  ];
  const named = sources.flatMap((file) =>
    [...read(file).matchAll(/(?:next(?:: | = ).|; \.\/)flotilla ([a-z-]+)(?: ([a-z-]+))?/g)].map(
      ([, command = '', sub]) => [command, sub] as const,
    ),
  );
  expect(named.length).toBeGreaterThan(4);
  const commands = new Set(named.map(([command]) => command));
  const under = new Map<string, string[]>();
  for (const command of commands) under.set(command, commandsIn(await helpOf(command)));
  const wrong = named.filter(([command, sub]) => {
    if (sub === '--help') return false;
    const subs = under.get(command)!;
    return subs.length > 0 && (sub === undefined || !subs.includes(sub));
  });
  expect(wrong).toEqual([]);
});

test('commands are found in code alone, up to their options', () => {
  const page =
    'Say ./flotilla nothing, `./flotilla sql -e x`.\n```\n./flotilla node list --json\n```\n';
  expect(commandsNamed(page)).toEqual([['sql'], ['node', 'list']]);
});

test('no link of a page is dead', () => {
  const dead = pages().flatMap((page) =>
    [...read(page).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)]
      .map(([, target]) => target!)
      .filter((target) => !existsSync(path.join(ROOT, path.dirname(page), target)))
      .map((target) => `${page}: ${target}`),
  );
  expect(dead).toEqual([]);
});

/** Text of a page without its blocks of code: what people run there is no name of a file. */
const prose = (page: string): string => read(page).replaceAll(/```[\s\S]*?```/g, '');

function filesOfTree(): string[] {
  const args = ['ls-files', '-co', '--exclude-standard'];
  const {stdout} = spawnSync('git', args, {cwd: ROOT, encoding: 'utf8'});
  return stdout.split('\n').filter((file) => file !== '' && existsSync(path.join(ROOT, file)));
}

/** `a/b.ts` stands for every file whose path ends so: pages shorten what their table has named. */
function filesNamed(files: readonly string[], name: string): string[] {
  return files.filter((file) => file === name || file.endsWith(`/${name}`));
}

test('every file that a page names by its folder exists', () => {
  const files = filesOfTree();
  const missing = pages().flatMap((page) =>
    [...prose(page).matchAll(/`([\w.-]+(?:\/[\w.-]+)+\.(?:ts|mjs|cjs|md|json|txt|proto))`/g)]
      .map(([, name]) => name!)
      .filter((name) => filesNamed(files, name).length === 0)
      .map((name) => `${page}: ${name}`),
  );
  expect(missing).toEqual([]);
});

test('what a page names behind a file is in that file', () => {
  const files = filesOfTree();
  const named = pages().flatMap((page) =>
    [...prose(page).matchAll(/`([\w./-]+\.ts)` ((?:`[A-Za-z.]+`(?:, )?)+)/g)].flatMap(
      ([, file, names]) =>
        [...names!.matchAll(/[A-Za-z.]+/g)].map(([name]) => ({page, file: file!, name})),
    ),
  );
  expect(named.length).toBeGreaterThan(20);
  const wrong = named.filter(
    ({file, name}) =>
      !filesNamed(files, file).some((found) =>
        name.split('.').every((word) => new RegExp(`\\b${word}\\b`).test(read(found))),
      ),
  );
  expect(wrong.map(({page, file, name}) => `${page}: ${name} in ${file}`)).toEqual([]);
});
