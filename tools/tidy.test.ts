// House rules that no ready-made linter knows. Each message names the replacement.

import {execFileSync} from 'node:child_process';
import {readFileSync} from 'node:fs';
import path from 'node:path';
import {describe, expect, test} from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '..');

const BANNED_WORDS: Readonly<Record<string, string>> = {
  vnode: 'replica',
  peer: 'replica or node',
  partition: 'bucket, shard or replica set',
  master: 'leader',
  data: 'the thing itself: rows, bytes, values',
  info: 'the thing itself',
  manager: 'what it does',
  helper: 'what it does',
  util: 'what it does',
  utils: 'what it does',
  common: 'what it does',
};

/** Files that may: adapters to Node, the processes' own entries, tests, benches and tools. */
const MAY_TOUCH_CLOCK =
  /^(tools|bench|test)\/|^packages\/(cli|client|testkit|simulator|console)\/|^packages\/server\/|\.(test|bench)\.ts$/;

function trackedFiles(): string[] {
  const out = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  return out.split('\n').filter((file) => file !== '' && !file.includes('/generated/'));
}

const files = trackedFiles();
const sources = files.filter((file) => file.endsWith('.ts') && file !== 'tools/tidy.test.ts');
const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');

/** Words of a name: camelCase, kebab-case and SNAKE_CASE alike. */
export function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .split(/[^A-Za-z0-9]+/)
    .map((word) => word.toLowerCase());
}

export function bannedIn(name: string): string | undefined {
  return wordsOf(name).find((word) => Object.hasOwn(BANNED_WORDS, word));
}

/** Violations of a rule given as a pattern, one line each. */
function matches(pattern: RegExp, among: readonly string[], advice: string): string[] {
  return among.flatMap((file) =>
    read(file)
      .split('\n')
      .flatMap((line, index) =>
        pattern.test(line) ? [`${file}:${index + 1}: ${line.trim()} (${advice})`] : [],
      ),
  );
}

describe('house rules', () => {
  test('exported names and file names use the words of the glossary', () => {
    const violations: string[] = [];
    for (const file of sources.filter((name) => name.startsWith('packages/'))) {
      const bad = bannedIn(path.basename(file, '.ts').replace(/\.(test|bench|reference)$/, ''));
      if (bad !== undefined) violations.push(`${file}: "${bad}": say ${BANNED_WORDS[bad]}`);
      if (file.includes('.test.')) continue;
      for (const [, name] of read(file).matchAll(
        /^export (?:async )?(?:function\*?|class|const|interface|type) (\w+)/gm,
      )) {
        const word = bannedIn(name!);
        if (word !== undefined)
          violations.push(`${file}: ${name}: "${word}": say ${BANNED_WORDS[word]}`);
      }
    }
    expect(violations).toEqual([]);
  });

  test('the banned-word rule sees a banned word', () => {
    expect(bannedIn('peerManager')).toBe('peer');
    expect(bannedIn('metadata')).toBeUndefined();
  });

  test('time and chance come through ports', () => {
    const pure = sources.filter((file) => !MAY_TOUCH_CLOCK.test(file));
    const pattern =
      /\b(Date\.now|new Date\(\)|Math\.random|performance\.now|process\.hrtime)\b|\b(setTimeout|setInterval|setImmediate)\(/;
    expect(matches(pattern, pure, 'take Clock or Random as an argument')).toEqual([]);
  });

  test('nothing is left for later in the code', () => {
    expect(
      matches(/\b(TODO(?!\()|FIXME|XXX|HACK)\b/, sources, 'finish it, or say it in the docs'),
    ).toEqual([]);
  });

  test('no error is swallowed', () => {
    const pattern = /catch *(\([a-zA-Z_]*\))? *\{ *\}|\.catch\(\(\) *=> *(\{\}|undefined|null)\)/;
    expect(matches(pattern, sources, 'handle it, count it or say why not')).toEqual([]);
  });

  test('no machine path, no registry host', () => {
    const text = files.filter(
      (file) =>
        /\.(ts|mjs|cjs|json|md|yaml|yml|txt|proto)$|run$/.test(file) &&
        file !== 'pnpm-lock.yaml' &&
        file !== 'tools/tidy.test.ts',
    );
    const pattern = /(^|[^A-Za-z0-9.])\/(work|farm|root)\/|registry\.npmjs/;
    expect(matches(pattern, text, 'name it relative to the project')).toEqual([]);
  });

  test('no file has grown past one idea', () => {
    const long = sources
      .filter((file) => !/\.(test|bench)\.ts$/.test(file))
      .map((file) => ({file, lines: read(file).split('\n').length}))
      .filter(({lines}) => lines > 900);
    expect(long).toEqual([]);
  });
});
