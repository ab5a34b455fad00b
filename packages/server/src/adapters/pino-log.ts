// Log over pino: one JSON line per event to standard error or to a file, or one plain line when a
// person is watching a terminal. Written synchronously: the last lines before an exit or a crash are
// the ones that are needed.

import type {Log} from '@flotilla/base';
import {
  type DestinationStream,
  destination,
  type Level,
  type Logger,
  pino,
  stdTimeFunctions,
} from 'pino';

export interface PinoLogOptions {
  /** Lines below it are not written. */
  readonly level?: Level | undefined;
  /** A file to append to; standard error without it. */
  readonly file?: string | undefined;
  /** Plain lines for a person. Without it: when standard error is a terminal and no file is given. */
  readonly plain?: boolean | undefined;
  /** Fields on every line, such as the thread. */
  readonly fields?: Readonly<Record<string, unknown>> | undefined;
  /** Where the lines go instead; for tests. */
  readonly stream?: DestinationStream | undefined;
}

export class PinoLog implements Log {
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  info(fields: Readonly<Record<string, unknown>>, message: string): void {
    this.#logger.info(fields, message);
  }

  warn(fields: Readonly<Record<string, unknown>>, message: string): void {
    this.#logger.warn(fields, message);
  }

  error(fields: Readonly<Record<string, unknown>>, message: string): void {
    this.#logger.error(fields, message);
  }

  /** A log of one component: the same lines with more fields. */
  child(fields: Readonly<Record<string, unknown>>): PinoLog {
    return new PinoLog(this.#logger.child({...fields}));
  }
}

export function createPinoLog(options: PinoLogOptions = {}): PinoLog {
  const {level = 'info', file, fields = {}} = options;
  const plain = options.plain ?? (file === undefined && process.stderr.isTTY === true);
  const target = options.stream ?? destination({dest: file ?? 2, sync: true, mkdir: true});
  const stream = plain ? {write: (line: string) => target.write(plainLine(line))} : target;
  const format = {
    level,
    base: {...fields},
    timestamp: stdTimeFunctions.isoTime,
    formatters: {level: (label: string) => ({level: label})},
    serializers: {error: pino.stdSerializers.err, err: pino.stdSerializers.err},
  };
  return new PinoLog(pino(format, stream));
}

/** `12:30:01.250 WARN message field=value`, an error's stack below; what is not JSON passes as it is. */
function plainLine(line: string): string {
  let parsed: Record<string, unknown>;
  try {
    parsed = JSON.parse(line);
  } catch {
    return line;
  }
  const {time, level, msg, ...fields} = parsed;
  const rest = Object.entries(fields).map(([name, value]) => ` ${name}=${plainValue(value)}`);
  const clock = String(time).slice(11, 23);
  const head = `${clock} ${String(level).toUpperCase().padEnd(5)} ${String(msg)}${rest.join('')}\n`;
  // Only where something broke: what is refused in the course of work needs no place in the code.
  if (level !== 'error') return head;
  const stacks = Object.values(fields).map((value) => (isError(value) ? `${value.stack}\n` : ''));
  return head + stacks.join('');
}

/** As pino's serializer writes it. */
function isError(value: unknown): value is {message: string; stack: string} {
  return typeof value === 'object' && value !== null && 'message' in value && 'stack' in value;
}

function plainValue(value: unknown): string {
  const text = isError(value) ? value.message : value;
  return typeof text === 'string' && !/[\s"=]/.test(text) ? text : JSON.stringify(text);
}
