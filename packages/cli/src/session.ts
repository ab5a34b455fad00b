// What the commands that talk to a cluster share: the options --url and --json, a client made from
// them, and how results and failures are printed.

import {readFileSync} from 'node:fs';
import {
  type ChangeOptions,
  FlotillaClient,
  type FlotillaClientOptions,
  FlotillaError,
} from '@flotilla/client';
import type {Command} from 'commander';
import {z} from 'zod';
import {noteAsked} from './asking-note.ts';
import {isColoured} from './colour.ts';
import {renderFields, renderRecords, type TableStyle} from './table.ts';
import {EXIT, type Terminal, UsageError, widthOf, writeOut} from './terminal.ts';

export const URL_DEFAULT = 'http://127.0.0.1:8902';

/**
 * A person would rather know that no node is there than wait for one to come back: of an address at which
 * nobody listens at once, of one that says nothing after the system has tried it twice, a second apart.
 */
const UNREACHABLE_MS = 3_000;

const SessionOptions = z.object({
  url: z.string().optional(),
  json: z.boolean().default(false),
  timeout: z.coerce.number().positive().optional(),
  dryRun: z.boolean().default(false),
  tokenFile: z.string().optional(),
  tlsCa: z.string().optional(),
  tlsCert: z.string().optional(),
  tlsKey: z.string().optional(),
});
type SessionOptions = z.infer<typeof SessionOptions>;

export interface Session {
  readonly client: FlotillaClient;
  readonly json: boolean;
  readonly terminal: Terminal;
  /** How tables are shown. */
  readonly style: TableStyle;
  /** --dry-run: the cluster says what it would do, and does nothing. */
  readonly isDryRun: boolean;
  /** For each change that it asks for. */
  readonly change: ChangeOptions;
  /** What --timeout says, if it was given. */
  readonly timeoutMs: number | undefined;
  /** Asks these nodes, by the same token and certificates. To be closed by who wanted it. */
  among(urls: readonly string[]): FlotillaClient;
  /** A command line to show to the person, with the --url that this one was given. */
  commandLine(rest: string): string;
  /** JSON where asked for, else the text. */
  print(value: unknown, text: () => string): Promise<void>;
  table(
    records: readonly Readonly<Record<string, unknown>>[],
    columns: readonly string[],
    nothing: string,
  ): Promise<void>;
  fields(value: Readonly<Record<string, unknown>>): Promise<void>;
  /** What was done (`done('created m')` says just that), or, of a dry run, what would be. */
  done(what: string, value: Readonly<Record<string, unknown>>, more?: string): Promise<void>;
}

/** What a command does; the number is the exit code. */
export type Action<Options> = (
  session: Session,
  options: Options,
  ...args: string[]
) => Promise<number>;

/** Runs the actions of a program and keeps the exit code of the one that ran. */
export class CommandContext {
  readonly terminal: Terminal;
  exitCode: number = EXIT.ok;

  constructor(terminal: Terminal) {
    this.terminal = terminal;
  }

  /** Adds the options of every command that talks to a cluster, and its action. */
  client<Schema extends z.ZodType>(
    command: Command,
    schema: Schema,
    action: Action<z.infer<Schema>>,
  ): Command {
    return command
      .option(
        '--url <a,b,c>',
        `nodes to ask, tried in turn (or FLOTILLA_URL; default ${URL_DEFAULT})`,
      )
      .option('--json', 'print JSON')
      .option('--timeout <seconds>', 'give up after this long, retries included')
      .option(
        '--token-file <path>',
        'file with an admin token (or FLOTILLA_TOKEN: the token itself)',
      )
      .option(
        '--tls-ca <path>',
        'certificate of the authority (CA) to trust for https:// nodes (or FLOTILLA_TLS_CA)',
      )
      .option(
        '--tls-cert <path>',
        'client certificate, if the nodes ask for one (or FLOTILLA_TLS_CERT)',
      )
      .option('--tls-key <path>', 'private key of --tls-cert (or FLOTILLA_TLS_KEY)')
      .action(async (...received: unknown[]) => {
        const {args, raw} = splitReceived(received);
        const options = parseOptions(schema, raw);
        const session = openSession(parseOptions(SessionOptions, raw), this.terminal);
        try {
          this.exitCode = await action(session, options, ...args);
        } catch (error) {
          this.exitCode = await this.report(error, session.json);
        } finally {
          session.client.close();
        }
      });
  }

  /** As `client`, of a command that changes the cluster. */
  change<Schema extends z.ZodType>(
    command: Command,
    schema: Schema,
    action: Action<z.infer<Schema>>,
  ): Command {
    command.option('--dry-run', 'ask the cluster whether it would do this, without doing it');
    return this.client(command, schema, action);
  }

  /** Adds the action of a command that talks to no cluster. */
  plain<Schema extends z.ZodType>(
    command: Command,
    schema: Schema,
    action: (terminal: Terminal, options: z.infer<Schema>, ...args: string[]) => Promise<number>,
  ): Command {
    return command.action(async (...received: unknown[]) => {
      const {args, raw} = splitReceived(received);
      this.exitCode = await action(this.terminal, parseOptions(schema, raw), ...args);
    });
  }

  /** Tells the person, or the program that asked for JSON, and returns the exit code. */
  async report(error: unknown, json: boolean): Promise<number> {
    const failure = describeFailure(error);
    const {code, message, details} = failure;
    const text = json
      ? `${JSON.stringify({code, message, details})}\n`
      : `flotilla: ${message}\n${failure.next === undefined ? '' : `  ${failure.next}\n`}`;
    await writeOut(this.terminal.stderr, text);
    return failure.exitCode;
  }
}

/** Commander passes the arguments, then the options, then the command itself. */
function splitReceived(received: readonly unknown[]): {args: string[]; raw: unknown} {
  return {args: received.slice(0, -2) as string[], raw: received.at(-2)};
}

interface Failure {
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly next?: string | undefined;
  readonly exitCode: number;
}

export function describeFailure(error: unknown): Failure {
  if (error instanceof FlotillaError) {
    const {code, message, details} = error;
    const exitCode = error.status === undefined ? EXIT.unavailable : EXIT.failed;
    return {code, message, details, next: nextStep(error), exitCode};
  }
  if (error instanceof UsageError) {
    return {code: 'USAGE', message: error.message, details: {}, exitCode: EXIT.usage};
  }
  if (error instanceof z.ZodError) {
    const message = `the answer has an unexpected shape: ${z.prettifyError(error)}`;
    return {code: 'UNEXPECTED_ANSWER', message, details: {}, exitCode: EXIT.failed};
  }
  const message = error instanceof Error ? error.message : String(error);
  return {code: 'FAILED', message, details: {}, exitCode: EXIT.failed};
}

/** The node is there; what is wrong is said, and put right by options of whatever command it was. */
export function isRefusedByTls({details}: FlotillaError): boolean {
  return details['tls'] !== undefined;
}

/** Of the host that was named: no node that is started there helps. */
export function isNameUnknown({details}: FlotillaError): boolean {
  return details['errno'] === 'ENOTFOUND' || details['errno'] === 'EAI_AGAIN';
}

function nextStep(error: FlotillaError): string | undefined {
  if (isRefusedByTls(error)) return 'See the --tls options in --help, and ./flotilla cert --help.';
  switch (error.code) {
    case 'CONNECTION_FAILED':
      return isNameUnknown(error)
        ? 'Name a node with --url, or FLOTILLA_URL: host:port of its --listen, as this machine knows it.'
        : 'Is a node running there? Start one with ./flotilla start, or name another with --url.';
    case 'NOT_FOUND':
      return 'See ./flotilla node list, ./flotilla replica-set list or ./flotilla operation list.';
    case 'TENANT_NOT_FOUND':
      return 'See ./flotilla tenant list; make one with ./flotilla tenant create NAME.';
    case 'DATABASE_NOT_FOUND':
      return 'See ./flotilla database list; make one with ./flotilla database create NAME.';
    case 'UNAUTHENTICATED':
      return 'Give a file that holds a token with --token-file, or the token itself in FLOTILLA_TOKEN.';
    case 'NOT_HTTP':
      return "A node's HTTP port is that of --listen; the next one is for other nodes only.";
    case 'CONNECTION_LOST':
    case 'TIMEOUT':
    case 'OUTCOME_UNKNOWN':
      return 'If this was a change, it may or may not have been made: check before you repeat it.';
    default:
      return undefined;
  }
}

function openSession(options: SessionOptions, terminal: Terminal): Session {
  const urls = (options.url ?? terminal.env['FLOTILLA_URL'] ?? URL_DEFAULT)
    .split(',')
    .map((url) => url.trim())
    .filter((url) => url !== '');
  const {json, dryRun: isDryRun} = options;
  const style = {width: widthOf(terminal.stdout), isColoured: isColoured(terminal)};
  const timeoutMs = options.timeout === undefined ? undefined : options.timeout * 1000;
  const credentials = credentialsOf(options, terminal.env);
  return {
    client: openClient({urls, timeoutMs, onTry: noteAsked(terminal.stderr), ...credentials}),
    among: (others) => openClient({urls: others, timeoutMs, ...credentials}),
    json,
    terminal,
    style,
    isDryRun,
    change: {dryRun: isDryRun},
    timeoutMs,
    commandLine: (rest) =>
      `./flotilla ${rest}${options.url === undefined ? '' : ` --url ${options.url}`}`,
    print: (value, text) =>
      writeOut(terminal.stdout, json ? `${JSON.stringify(value, null, 2)}\n` : text()),
    table(records, columns, nothing) {
      const text = () =>
        records.length === 0 ? `${nothing}\n` : renderRecords(records, columns, style);
      return this.print(records, text);
    },
    fields(value) {
      const shown = Object.entries(value).filter(([, field]) => field !== undefined);
      return this.print(value, () =>
        renderFields(shown.map(([name, field]) => [name, formatField(field)])),
      );
    },
    done(what, value, more = '') {
      const said = isDryRun ? `dry run, nothing was done: ${what}` : what;
      return this.print(isDryRun ? {dryRun: true, ...value} : value, () => `${said}\n${more}`);
    },
  };
}

function formatField(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The flags go before the environment; an empty variable is none. */
function credentialsOf(
  options: SessionOptions,
  env: Terminal['env'],
): Pick<FlotillaClientOptions, 'token' | 'tls'> {
  const read = (flag: string, file: string | undefined): string | undefined =>
    file === undefined ? undefined : readFlagFile(flag, file);
  const ofVariable = (name: string): string | undefined => env[name] || undefined;
  const token = (read('--token-file', options.tokenFile) ?? ofVariable('FLOTILLA_TOKEN'))?.trim();
  if (token !== undefined && !/^[!-~]+$/.test(token)) {
    const flag = options.tokenFile === undefined ? 'FLOTILLA_TOKEN' : '--token-file';
    throw new UsageError(`${flag}: not a token: one is a single word, as token create prints it`);
  }
  const tls = {
    ca: read('--tls-ca', options.tlsCa ?? ofVariable('FLOTILLA_TLS_CA')),
    cert: read('--tls-cert', options.tlsCert ?? ofVariable('FLOTILLA_TLS_CERT')),
    key: read('--tls-key', options.tlsKey ?? ofVariable('FLOTILLA_TLS_KEY')),
  };
  if ((tls.cert === undefined) !== (tls.key === undefined))
    throw new UsageError('--tls-cert and --tls-key go together: give both');
  return {token, tls};
}

export function readFlagFile(flag: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`${flag}: cannot read the file: ${(error as Error).message}`);
  }
}

function openClient(options: FlotillaClientOptions): FlotillaClient {
  try {
    return new FlotillaClient({...options, unreachableMs: UNREACHABLE_MS});
  } catch (error) {
    throw new UsageError(`--url: ${(error as Error).message}`);
  }
}

function parseOptions<Schema extends z.ZodType>(schema: Schema, raw: unknown): z.infer<Schema> {
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const name = String(issue?.path[0] ?? '');
  const option = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const given = (raw as Readonly<Record<string, unknown>>)[name];
  const isNoNumber = issue?.code === 'invalid_type' && issue.expected === 'number';
  const reason = isNoNumber ? 'not a number' : issue?.message;
  throw new UsageError(`--${option}: ${reason}: ${String(given)}`);
}

/** The id as the admin routes take it; `what` is the argument or option that held it. */
export function mustId(text: string, what: string): string {
  if (/^[1-9]\d{0,14}$/.test(text)) return text;
  throw new UsageError(`${what}: not an id: ${text} (ids are numbers, as the list commands show)`);
}

/** The part of --help that shows how a command is used. */
export function examples(lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ./flotilla ${line}\n`).join('')}`;
}
