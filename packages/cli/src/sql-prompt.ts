// The prompt of `sql`: statements over several lines until `;`, history kept in a state file, Ctrl-C
// drops what is being typed or cancels what is running, Ctrl-D leaves.

import {appendFile, mkdir, readFile} from 'node:fs/promises';
import {homedir} from 'node:os';
import path from 'node:path';
import readline from 'node:readline/promises';
import {describeFailure, type Session} from './session.ts';
import {runStatement, type SqlOptions} from './sql-statement.ts';
import {splitStatements} from './statements.ts';
import {EXIT, type Terminal, writeOut} from './terminal.ts';

/** A year of a person's typing. */
const HISTORY_LINES_MAX = 1_000;

const HELP = `Statements end with ; and may span lines.
  SHOW TABLES;          what there is
  \\q, exit or Ctrl-D    leave
  Ctrl-C                drop the statement, or cancel the one that runs
`;

export async function runPrompt(session: Session, options: SqlOptions): Promise<number> {
  const {terminal} = session;
  const history = new HistoryFile(historyPath(terminal));
  const remembered = await history.load();
  await writeOut(terminal.stdout, 'End statements with ; (help shows more)\n');
  // No wait between here and the loop below: lines that come before it are lost.
  const lines = readline.createInterface({
    input: terminal.stdin,
    output: terminal.stdout,
    history: remembered,
    historySize: HISTORY_LINES_MAX,
    removeHistoryDuplicates: true,
  });
  const prompt = {text: '', running: undefined as AbortController | undefined};
  const ask = () => {
    lines.setPrompt(prompt.text === '' ? `${options.db}> ` : `${' '.repeat(options.db.length)}| `);
    lines.prompt();
  };
  lines.on('SIGINT', () => {
    if (prompt.running !== undefined) return prompt.running.abort();
    prompt.text = '';
    // Readline keeps the line that was being typed: to its end, then delete to its start.
    lines.write(null, {ctrl: true, name: 'e'});
    lines.write(null, {ctrl: true, name: 'u'});
    terminal.stdout.write('^C\n');
    ask();
  });
  ask();
  for await (const line of lines) {
    const word = prompt.text === '' ? line.trim().toLowerCase().replace(/;$/, '') : '';
    if (word === '\\q' || word === 'exit' || word === 'quit') break;
    if (word === 'help' || word === '\\?' || word === '\\h') await writeOut(terminal.stdout, HELP);
    // No statement begins so; taken for one it would wait for its `;`.
    else if (word.startsWith('\\'))
      await writeOut(terminal.stderr, `no such command: ${word}\n${HELP}`);
    else prompt.text = await takeLine(session, {options, prompt, line, history});
    ask();
  }
  lines.close();
  return EXIT.ok;
}

/** Runs what the line completes; returns what is left of the text. */
async function takeLine(
  session: Session,
  typed: {
    options: SqlOptions;
    prompt: {text: string; running: AbortController | undefined};
    line: string;
    history: HistoryFile;
  },
): Promise<string> {
  const {options, prompt, line, history} = typed;
  const text = prompt.text === '' ? line : `${prompt.text}\n${line}`;
  const {statements, rest} = splitStatements(text);
  for (const statement of statements) {
    await history.append(statement);
    prompt.running = new AbortController();
    await runAndReport(session, {options, statement, signal: prompt.running.signal});
    prompt.running = undefined;
  }
  return rest;
}

/** A failed statement is reported and the prompt goes on. */
async function runAndReport(
  session: Session,
  work: {options: SqlOptions; statement: string; signal: AbortSignal},
): Promise<void> {
  const {stdout, stderr} = session.terminal;
  const startMs = performance.now();
  try {
    await runStatement(session, work);
    await writeOut(stdout, `(${Math.round(performance.now() - startMs)} ms)\n`);
  } catch (error) {
    if (work.signal.aborted) return writeOut(stderr, 'cancelled\n');
    const {message, next} = describeFailure(error);
    await writeOut(stderr, `error: ${message}\n${next === undefined ? '' : `  ${next}\n`}`);
  }
}

function historyPath(terminal: Terminal): string {
  const {XDG_STATE_HOME, HOME} = terminal.env;
  const state = XDG_STATE_HOME || path.join(HOME || homedir(), '.local', 'state');
  return path.join(state, 'flotilla', 'sql-history');
}

/** One statement a line, oldest first. Losing it is never a reason to fail: it says so once and goes on. */
export class HistoryFile {
  readonly #path: string;
  #isBroken = false;

  constructor(file: string) {
    this.#path = file;
  }

  /** Newest first, as readline wants it. */
  async load(): Promise<string[]> {
    try {
      const text = await readFile(this.#path, 'utf8');
      return text
        .split('\n')
        .filter((line) => line !== '')
        .slice(-HISTORY_LINES_MAX)
        .reverse();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#sayBroken(error);
      return [];
    }
  }

  async append(statement: string): Promise<void> {
    if (this.#isBroken) return;
    try {
      await mkdir(path.dirname(this.#path), {recursive: true, mode: 0o700});
      const line = `${statement.replaceAll(/\s*\n\s*/g, ' ')};\n`;
      await appendFile(this.#path, line, {mode: 0o600}); // Statements may hold secrets.
    } catch (error) {
      this.#sayBroken(error);
    }
  }

  #sayBroken(error: unknown): void {
    this.#isBroken = true;
    process.stderr.write(`history is not kept: ${(error as Error).message}\n`);
  }
}
