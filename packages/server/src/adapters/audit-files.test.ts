import fs from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {LIMITS, type Log} from '@flotilla/base';
import {afterEach, beforeEach, expect, test, vi} from 'vitest';
import {AuditFiles} from './audit-files.ts';

const realOpen = fs.promises.open.bind(fs.promises);

let directory: string;
let errors: string[];
const log = {error: (_: unknown, line: string) => errors.push(line)} as unknown as Log;

beforeEach(() => {
  directory = fs.mkdtempSync(path.join(tmpdir(), 'flotilla-audit-'));
  errors = [];
});
afterEach(() => fs.rmSync(directory, {recursive: true, force: true}));

const read = (name: string): string => fs.readFileSync(path.join(directory, 'audit', name), 'utf8');

test('lines keep their order, over a restart too, and nobody else may read them', async () => {
  for (const lines of [['one\n', 'two\n'], ['three\n']]) {
    const files = new AuditFiles(directory, log);
    for (const line of lines) void files.append(line);
    await files.close();
  }
  expect(read('audit.jsonl')).toBe('one\ntwo\nthree\n');
  expect(fs.statSync(path.join(directory, 'audit/audit.jsonl')).mode & 0o077).toBe(0);
});

test('a full file is put aside, and the oldest goes', async () => {
  const files = new AuditFiles(directory, log, 10);
  const max = LIMITS.audit_files_max.value;
  for (let i = 0; i < max + 3; i++) {
    void files.append(`line ${i} of many\n`);
    await files.close(); // As if the node was started anew: what is there counts.
  }
  const names = fs.readdirSync(path.join(directory, 'audit'));
  expect(names.length).toBe(max);
  expect(read('audit.jsonl')).toBe(`line ${max + 2} of many\n`);
  expect(read('audit.1.jsonl')).toBe(`line ${max + 1} of many\n`);
  expect(read(`audit.${max - 1}.jsonl`)).toBe('line 3 of many\n');
});

test('a line that cannot be written is told to the log, and the next is tried again', async () => {
  fs.writeFileSync(path.join(directory, 'audit'), 'in the way');
  const files = new AuditFiles(directory, log);
  await files.append('lost\n');
  expect(errors).toEqual(['cannot write the audit log']);
  fs.rmSync(path.join(directory, 'audit'));
  // Who waited for it finds it there.
  await files.append('kept\n');
  expect(read('audit.jsonl')).toBe('kept\n');
  await files.close();
});

test('a line that a crash has torn is cut off: the others are read', async () => {
  for (const torn of ['{"who":"an', 'whole\n{"who":"an']) {
    fs.mkdirSync(path.join(directory, 'audit'), {recursive: true});
    fs.writeFileSync(path.join(directory, 'audit/audit.jsonl'), torn);
    const files = new AuditFiles(directory, log);
    void files.append('next\n');
    await files.close();
    expect(read('audit.jsonl')).toBe(`${torn.startsWith('whole') ? 'whole\n' : ''}next\n`);
  }
});

test('what a full disk takes the half of is told to the log, and the next line stands alone', async () => {
  const files = new AuditFiles(directory, log);
  const open = vi.spyOn(fs.promises, 'open').mockImplementationOnce(async (...args) => {
    const file = await realOpen(...args);
    vi.spyOn(file, 'appendFile').mockImplementation(async (text) => {
      await file.write(String(text).slice(0, 4));
      throw Object.assign(new Error('no space left on device'), {code: 'ENOSPC'});
    });
    return file;
  });
  void files.append('first line\n');
  await vi.waitUntil(() => errors.length > 0);
  void files.append('second line\n');
  await files.close();
  open.mockRestore();
  expect(errors).toEqual(['cannot write the audit log']);
  expect(read('audit.jsonl')).toBe('second line\n');
});

test('a line that comes in the moment in which the one before is done is not left behind', async () => {
  const files = new AuditFiles(directory, log);
  const open = vi.spyOn(fs.promises, 'open').mockImplementationOnce(async (...args) => {
    const file = await realOpen(...args);
    vi.spyOn(file, 'datasync').mockImplementationOnce(() => {
      const synced = Promise.resolve();
      void synced.then(() => undefined).then(() => files.append('second\n'));
      return synced;
    });
    return file;
  });
  void files.append('first\n');
  await vi.waitUntil(() => fs.existsSync(path.join(directory, 'audit/audit.jsonl')));
  await files.close();
  open.mockRestore();
  expect(read('audit.jsonl')).toBe('first\nsecond\n');
});
