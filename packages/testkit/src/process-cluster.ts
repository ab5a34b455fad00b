// A cluster of real processes on this machine, for tests that cross packages: real sockets, real
// disks, real signals. Nodes are started by the project's own Node, never through npm.

import {type ChildProcess, spawn} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {freePorts} from './free-ports.ts';
import {NodeLinks} from './node-links.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');
const NODE = path.join(ROOT, 'node_modules/.bin/node');
const MAIN = path.join(ROOT, 'packages/cli/src/main.ts');
/** Nodes on two shared cores, several at once, need their time. */
const READY_MS_MAX = 120_000;
const STOP_MS_MAX = 15_000;

type Environment = Readonly<Record<string, string | undefined>>;

export interface ClusterOptions {
  readonly nodes: number;
  readonly engineThreads?: number | undefined;
  /** As `--memory` takes it. */
  readonly memory?: string | undefined;
  /** The nodes reach each other through `links`, which a test may cut. */
  readonly isLinked?: boolean | undefined;
  /** Makes each node's empty directory what the test wants it to be, before the node's first start. */
  readonly prepare?: ((place: {number: number; directory: string}) => void) | undefined;
  /** Undoes that, once all nodes have ended and before their directories are removed. */
  readonly release?: (() => void) | undefined;
  /** The command line's main file in another checkout; without it, this one's. */
  readonly program?: string | undefined;
  /** Of each node's `start`, beside those that make it one of the cluster. */
  readonly flags?: ((node: number) => readonly string[]) | undefined;
  /** Of each node's process, beside the test's own; undefined takes one of these away. */
  readonly env?: ((node: number) => Environment) | undefined;
}

export interface NodePlace {
  readonly port: number;
  readonly directory: string;
  readonly args: readonly string[];
  readonly env?: Environment | undefined;
}

/** Writes a new join secret into the directory; its path, for --join-secret-file. */
export function makeJoinSecret(directory: string, name = 'join-secret'): string {
  const file = path.join(directory, name);
  writeFileSync(file, `${randomBytes(32).toString('hex')}\n`, {mode: 0o600});
  return file;
}

/**
 * Where nodes keep what they compile, if the environment names a place for all processes: in one of their own.
 * A node sets flags of V8 (the command line's `start`), and code that was compiled under others is compiled
 * again: both kinds of processes would replace each other's for ever.
 */
export function compiledOfNodes(): string | undefined {
  const ofAll = process.env['NODE_COMPILE_CACHE'];
  return ofAll === undefined ? undefined : path.join(ofAll, 'nodes');
}

/** Nodes' processes that run: none of them outlives this one, however that ends (but by SIGKILL). */
const running = new Set<ChildProcess>();

function killRunning(): void {
  for (const child of running) child.kill('SIGKILL');
}

export class ProcessNode {
  readonly number: number;
  readonly port: number;
  readonly directory: string;
  readonly logFile: string;
  /** What the next start runs: another build's may be put here. */
  program = MAIN;
  readonly #args: readonly string[];
  readonly #env: Environment;
  #child: ChildProcess | undefined;
  #exit: Promise<number | string> = Promise.resolve(0);
  /** A signal was sent that ends it, or the test said that it would end. */
  #mayEnd = false;
  /** How it ended without being told to. */
  #fault: string | undefined;

  constructor(number: number, {port, directory, args, env = {}}: NodePlace) {
    this.number = number;
    this.port = port;
    this.directory = directory;
    this.logFile = `${directory}.log`;
    this.#args = args;
    this.#env = env;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error(`node ${this.number} is not running`);
    return this.#child.pid;
  }

  get isRunning(): boolean {
    // One that could not be spawned has no process.
    return this.#child?.pid !== undefined;
  }

  /** What went wrong if it ended by itself, with the end of its log. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** @param more flags of this start, after those of every start. */
  start(more: readonly string[] = []): void {
    if (this.#child !== undefined) throw new Error(`node ${this.number} is running`);
    this.#mayEnd = false;
    // What is compiled of another build's files goes with them.
    const compiled =
      this.program === MAIN ? compiledOfNodes() : path.join(path.dirname(this.program), 'compiled');
    const child = spawn(NODE, [this.program, 'start', ...this.#args, ...more], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        UV_THREADPOOL_SIZE: '16',
        NODE_COMPILE_CACHE: compiled,
        ...this.#env,
      },
    });
    this.#child = child;
    if (running.size === 0) process.once('exit', killRunning);
    running.add(child);
    const log = createWriteStream(this.logFile, {flags: 'a'});
    child.stdout.pipe(log, {end: false});
    child.stderr.pipe(log, {end: false});
    this.#exit = new Promise((resolve) => {
      child.once('exit', () => {
        this.#child = undefined;
        running.delete(child);
        if (running.size === 0) process.off('exit', killRunning);
      });
      // After it, and with its last words in the log.
      child.once('close', (code, signal) => {
        log.end(() => {
          const end = signal ?? code ?? -1;
          if (!this.#mayEnd) this.#fault = `node ${this.number} ended: ${end}\n${this.logTail()}`;
          resolve(end);
        });
      });
    });
  }

  /** Resolves with the exit code, or the signal that ended it. */
  exited(): Promise<number | string> {
    return this.#exit;
  }

  signal(signal: NodeJS.Signals): void {
    if (signal === 'SIGKILL' || signal === 'SIGTERM') this.#mayEnd = true;
    process.kill(this.pid, signal);
  }

  /** It is expected to end by itself: that is no fault. */
  mayEnd(): void {
    this.#mayEnd = true;
  }

  async kill(): Promise<void> {
    if (this.isRunning) this.signal('SIGKILL');
    await this.#exit;
  }

  /** Stops it as an operator would; the exit code. Fails when it takes too long. */
  async stop(): Promise<number | string> {
    this.signal('SIGTERM');
    const late = sleep(STOP_MS_MAX, 'late', {ref: false});
    const code = await Promise.race([this.#exit, late]);
    if (code === 'late')
      throw new Error(`node ${this.number} did not stop in ${STOP_MS_MAX} ms\n${this.logTail()}`);
    return code;
  }

  async ready(): Promise<void> {
    const endMs = Date.now() + READY_MS_MAX;
    let last = 'no answer';
    while (Date.now() < endMs) {
      if (this.#child === undefined)
        throw new Error(`node ${this.number} ended: ${await this.#exit}\n${this.logTail()}`);
      try {
        const answer = await fetch(`${this.url}/ready`, {signal: AbortSignal.timeout(2_000)});
        last = await answer.text();
        if (answer.ok) return;
      } catch (error) {
        last = String(error);
      }
      await sleep(50);
    }
    throw new Error(
      `node ${this.number} is not ready after ${READY_MS_MAX} ms: ${last}\n${this.logTail()}`,
    );
  }

  logTail(): string {
    if (!existsSync(this.logFile)) return '(no log)';
    return readFileSync(this.logFile, 'utf8').split('\n').slice(-40).join('\n');
  }
}

export class ProcessCluster {
  readonly directory: string;
  readonly nodes: readonly ProcessNode[];
  readonly #links: NodeLinks | undefined;
  #release: (() => void) | undefined;

  private constructor(directory: string, nodes: readonly ProcessNode[], links?: NodeLinks) {
    this.directory = directory;
    this.nodes = nodes;
    this.#links = links;
  }

  /** Starts the nodes and waits until each takes traffic. */
  static async start(options: ClusterOptions): Promise<ProcessCluster> {
    const directory = mkdtempSync(path.join(tmpdir(), 'flotilla-cluster-'));
    const ports: number[] = [];
    while (ports.length < options.nodes) ports.push(await freePorts(2));
    const advertised: number[] = [];
    while (options.isLinked === true && advertised.length < options.nodes)
      advertised.push(await freePorts(2));
    const secret = makeJoinSecret(directory);
    const join = ports.map((port, i) => `127.0.0.1:${advertised[i] ?? port}`).join(',');
    const nodes = ports.map((port, i) => {
      const own = path.join(directory, `node${i + 1}`);
      mkdirSync(own, {recursive: true});
      options.prepare?.({number: i + 1, directory: own});
      const args = ['--listen', `127.0.0.1:${port}`, '--data', own];
      if (options.nodes > 1) args.push('--join', join, '--join-secret-file', secret);
      if (options.nodes > 1 && i === 0) args.push('--bootstrap');
      if (options.isLinked === true) args.push('--advertise', `127.0.0.1:${advertised[i]}`);
      if (options.engineThreads !== undefined)
        args.push('--engine-threads', String(options.engineThreads));
      if (options.memory !== undefined) args.push('--memory', options.memory);
      args.push(...(options.flags?.(i + 1) ?? []));
      return new ProcessNode(i + 1, {port, directory: own, args, env: options.env?.(i + 1)});
    });
    const links =
      options.isLinked === true
        ? await NodeLinks.start(
            nodes.map((node, i) => ({
              port: node.port,
              advertisedPort: advertised[i]!,
              pid: () => (node.isRunning ? node.pid : undefined),
            })),
          )
        : undefined;
    const cluster = new ProcessCluster(directory, nodes, links);
    cluster.#release = options.release;
    for (const node of nodes) {
      node.program = options.program ?? node.program;
      node.start();
    }
    try {
      await Promise.all(nodes.map((node) => node.ready()));
    } catch (error) {
      await cluster.#remove();
      throw error;
    }
    return cluster;
  }

  /** Of a cluster that was started with `isLinked`. */
  get links(): NodeLinks {
    if (this.#links === undefined)
      throw new Error('the nodes of this cluster reach each other directly');
    return this.#links;
  }

  get urls(): string[] {
    return this.nodes.map(({url}) => url);
  }

  node(number: number): ProcessNode {
    const node = this.nodes[number - 1];
    if (node === undefined) throw new Error(`no node ${number}`);
    return node;
  }

  /** Kills what runs and removes the data. Throws if a node had ended by itself. */
  async destroy(): Promise<void> {
    const faults = await this.#remove();
    if (faults.length > 0) throw new Error(faults.join('\n'));
  }

  /** Returns what went wrong with nodes that had ended by themselves. */
  async #remove(): Promise<string[]> {
    await Promise.all(this.nodes.map((node) => node.kill()));
    this.#links?.stop();
    this.#release?.();
    const faults = this.nodes.map(({fault}) => fault).filter((fault) => fault !== undefined);
    if (process.env['FLOTILLA_KEEP_DATA'] === undefined)
      rmSync(this.directory, {recursive: true, force: true});
    return faults;
  }
}
