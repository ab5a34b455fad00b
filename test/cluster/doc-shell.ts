// Runs the commands of a page as a reader does: one after the other, in a directory that looks like
// the clone. `npm start` and `./flotilla dev` stay in the background until the next of them, which
// stops the former by SIGINT, as the reader does by Ctrl-C. Ports of the page stand for those that are
// free here, process ids for those that the last server printed.

import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync} from 'node:fs';
import net from 'node:net';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {freePorts} from '@flotilla/testkit';
import {type DocExample, patternOf, ROOT} from './doc-examples.ts';

const COMMAND_MS_MAX = 60_000;
const POLL_MS = 50;
const PORTS_OF_PAGES = ['8902', '8912', '8922'] as const;
/** As `./flotilla dev` spaces its nodes. */
const PORT_STEP = 10;
const PORT_MAX = 65_000;
/** Where an id of a node stands: behind these words, one or several. */
const NODE_IDS = /(?<=(?:\bnodes?|--(?:node|from|to)|\b(?:drain|undrain)) )[1-4](?:, [1-4])*\b/g;
/** They show what goes on by itself, some time after the command before. */
const WATCHING = /^\.\/flotilla (status|node|replica-set|operation) ?/;

/** What stands in for Telegraf: it sends what the page shows Telegraf's output to send. */
const TELEGRAF = `#!/usr/bin/env bash
set -e
grep -q '^  database = "telegraf"$' "$2"
curl "$URL/query" --data-urlencode 'q=CREATE DATABASE "telegraf"' > /dev/null
curl "$URL/write?db=telegraf" --data-binary 'cpu,cpu=cpu-total,host=me usage_idle=97.5'
`;

async function isFree(port: number): Promise<boolean> {
  const server = net.createServer().listen(port, '127.0.0.1');
  const first = await Promise.race([
    once(server, 'listening').then(() => true),
    once(server, 'error').then(() => false),
  ]);
  if (first) await new Promise((resolve) => server.close(resolve));
  return first;
}

export interface Shown {
  readonly text: string;
  readonly pattern: RegExp;
}

export class DocShell {
  readonly #directory = mkdtempSync(path.join(tmpdir(), 'flotilla-docs-'));
  readonly #ports: readonly number[];
  readonly #words = new Map<string, string>();
  readonly #nodes = new Map<string, string>();
  #urls: string | undefined;
  #server: ChildProcess | undefined;

  /** @param port of the node that runs already; without it pages start theirs. */
  private constructor(ports: readonly number[]) {
    this.#ports = ports;
    for (const [i, port] of ports.entries()) this.#words.set(PORTS_OF_PAGES[i]!, String(port));
    const main = path.join(ROOT, 'packages/cli/src/main.ts');
    this.#script('flotilla', `#!/usr/bin/env bash\nexec "${process.execPath}" "${main}" "$@"\n`);
    mkdirSync(path.join(this.#directory, 'bin'));
    this.#script('bin/telegraf', TELEGRAF);
    // Where its output is no terminal, curl would draw a bar.
    writeFileSync(path.join(this.#directory, '.curlrc'), 'silent\nshow-error\n');
    symlinkSync(path.join(ROOT, 'deploy'), path.join(this.#directory, 'deploy'));
  }

  static at(port: number): DocShell {
    return new DocShell([port]);
  }

  /** @param urls of the nodes that run already: whichever answers is asked. */
  static among(urls: readonly string[]): DocShell {
    const shell = new DocShell([]);
    shell.#urls = urls.join(',');
    return shell;
  }

  /** The page's ids of nodes, and its process id, stand for these from now on. */
  learn(
    nodes: ReadonlyMap<string, string>,
    process: {readonly page: string; readonly here: number},
  ): void {
    for (const [page, here] of nodes) this.#nodes.set(page, here);
    this.#words.set(process.page, String(process.here));
  }

  static async withFreePorts(): Promise<DocShell> {
    for (;;) {
      const first = await freePorts(2);
      const ports = PORTS_OF_PAGES.map((_, i) => first + i * PORT_STEP);
      const others = ports.slice(1).flatMap((port) => [port, port + 1]);
      if (first < PORT_MAX && (await Promise.all(others.map(isFree))).every(Boolean))
        return new DocShell(ports);
    }
  }

  /** What the command showed, and what it should have; waits where the page waits. */
  async run(example: DocExample): Promise<Shown> {
    const endMs = Date.now() + COMMAND_MS_MAX;
    const isServer = /^(npm start|\.\/flotilla dev)/.test(example.command);
    const output = isServer ? await this.#startServer(example) : undefined;
    for (;;) {
      const pattern = patternOf(example.output.map((line) => this.#here(line)));
      const text = output === undefined ? await this.#once(example.command) : output();
      const isLate = Date.now() > endMs || this.#server?.exitCode !== null;
      const mayWait =
        (isServer && !isLate) || (WATCHING.test(example.command) && Date.now() < endMs);
      if (pattern.test(text) || !mayWait) {
        if (isServer) this.#learnProcesses(example, text);
        return {text, pattern};
      }
      await sleep(POLL_MS);
    }
  }

  async close(): Promise<void> {
    await this.#stopServer();
    rmSync(this.#directory, {recursive: true, force: true});
  }

  #script(name: string, text: string): void {
    writeFileSync(path.join(this.#directory, name), text, {mode: 0o755});
  }

  /** Ports and process ids of the page as they are here. */
  #here(text: string): string {
    const nodes = text.replaceAll(NODE_IDS, (ids) =>
      ids.replaceAll(/\d/g, (id) => this.#nodes.get(id) ?? id),
    );
    return nodes.replaceAll(/\b\d+\b/g, (word) => this.#words.get(word) ?? word);
  }

  #env(): NodeJS.ProcessEnv {
    const url = this.#urls ?? `http://127.0.0.1:${this.#ports[0]}`;
    return {
      ...process.env,
      CURL_HOME: this.#directory,
      FLOTILLA_URL: url,
      URL: url,
      PATH: `${path.join(this.#directory, 'bin')}:${process.env['PATH']}`,
    };
  }

  #spawn(command: string): {child: ChildProcess; output: () => string} {
    // A group of its own, so that a signal reaches all of it, as the terminal's Ctrl-C does.
    const child = spawn('bash', ['-c', `exec 2>&1\n${command}`], {
      cwd: this.#directory,
      detached: true,
      env: this.#env(),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout!.setEncoding('utf8').on('data', (piece) => {
      text += piece;
    });
    return {child, output: () => text};
  }

  async #once(command: string): Promise<string> {
    const {child, output} = this.#spawn(this.#here(command));
    const timer = setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), COMMAND_MS_MAX);
    await new Promise((resolve) => child.once('close', resolve));
    clearTimeout(timer);
    return output();
  }

  async #startServer({command}: DocExample): Promise<() => string> {
    await this.#stopServer();
    const [port] = this.#ports;
    const here = command
      .replace(/^npm start$/, () => {
        const data = path.join(this.#directory, 'data');
        return `npm --prefix '${ROOT}' start -- --listen 127.0.0.1:${port} --data '${data}'`;
      })
      .replace(/^\.\/flotilla dev$/, `'${ROOT}/flotilla' dev --port ${port}`);
    const {child, output} = this.#spawn(here);
    this.#server = child;
    return output;
  }

  async #stopServer(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const closed = new Promise((resolve) => server.once('close', resolve));
    process.kill(-server.pid!, 'SIGINT');
    await closed;
  }

  /** `Processes: node1 13510, ..`: the page's ids stand for these from now on. */
  #learnProcesses({output}: DocExample, text: string): void {
    const idsIn = (lines: string): string[] => {
      const [line = ''] = /^Processes: .*/m.exec(lines) ?? [];
      return [...line.matchAll(/\bnode\d (\d+)/g)].map(([, id]) => id!);
    };
    const ids = idsIn(text);
    for (const [i, id] of idsIn(output.join('\n')).entries()) this.#words.set(id, ids[i] ?? id);
  }
}
