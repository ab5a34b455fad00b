import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {PassThrough} from 'node:stream';
import {afterEach, expect, it} from 'vitest';
import {runCommandLine} from './program.ts';

const CTRL_C = '\x03';
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** A terminal at which all of `text` is typed before the prompt is there. */
async function typeAtPrompt(typed: string, url: string) {
  const directory = mkdtempSync(path.join(tmpdir(), 'flotilla-prompt-'));
  cleanups.push(() => rmSync(directory, {recursive: true}));
  const stdin = Object.assign(new PassThrough(), {isTTY: true});
  const stdout = Object.assign(new PassThrough(), {isTTY: true, columns: 80});
  const stderr = new PassThrough();
  const shown = {text: ''};
  for (const stream of [stdout, stderr]) {
    stream.on('data', (piece) => {
      shown.text += String(piece);
    });
  }
  stdin.write(typed);
  const env = {FLOTILLA_URL: url, XDG_STATE_HOME: directory};
  const terminal = {stdin, stdout, stderr, env, onInterrupt: () => () => {}};
  const code = await runCommandLine(['sql'], terminal);
  return {code, text: shown.text, history: path.join(directory, 'flotilla/sql-history')};
}

it('drops what is being typed on Ctrl-C', async () => {
  const typed = `SELECT 1${CTRL_C}help\r\\q\r`;
  const {code, text} = await typeAtPrompt(typed, 'http://127.0.0.1:1');
  expect(code).toBe(0);
  expect(text).toContain('^C\n');
  expect(text).toContain('Statements end with ;');
});

it('takes what begins with a backslash for a command, never for a statement', async () => {
  const {code, text} = await typeAtPrompt('\\d\r\\?\rexit\r', 'http://127.0.0.1:1');
  expect(code).toBe(0);
  expect(text).toContain('no such command: \\d\n');
  expect(text.split('Statements end with ;').length - 1).toBe(2);
});

it('runs a statement over two lines, keeps it as one, and shows a failure once', async () => {
  const server = createServer((_request, response) => {
    response.statusCode = 400;
    response.end(JSON.stringify({code: 'SQL_SYNTAX', message: 'bad at line 1\nSELECT\n^'}));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const {text, history} = await typeAtPrompt('SELECT\r1;\rexit\r', url);
  expect(text.split('^').length - 1).toBe(1);
  expect(text).toContain('error: bad at line 1\n');
  expect(readFileSync(history, 'utf8')).toBe('SELECT 1;\n');
});
