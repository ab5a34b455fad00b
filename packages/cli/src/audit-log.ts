// The audit log of a node as a person reads it: one line for each act, though the file has two, one from
// before it and one with what came of it. An act of which the second is missing may have been done: the
// node ended in between, or is doing it now.

import {z} from 'zod';

const Line = z.object({
  at: z.string(),
  act: z.string().optional(),
  who: z.string(),
  from: z.string().optional(),
  what: z.string(),
  how: z.unknown().optional(),
  result: z.string(),
});
type Line = z.infer<typeof Line>;

const BEGUN = 'begun';

export interface Act {
  readonly at: string;
  readonly who: string;
  readonly from?: string | undefined;
  readonly what: string;
  readonly how?: unknown;
  /** 'begun' where no end is told. */
  readonly result: string;
  /** When its end was told; absent too of what has one line alone, as a refusal. */
  readonly endedAt?: string | undefined;
}

/** Acts in the order in which they began. Throws where a line is none of the audit log's. */
export function actsOf(lines: Iterable<string>): Act[] {
  const acts: Act[] = [];
  const open = new Map<string, number>();
  for (const text of lines) {
    const {act, ...line} = parseLine(text);
    const begun = act === undefined ? undefined : open.get(act);
    if (begun !== undefined) {
      acts[begun] = {...acts[begun]!, result: line.result, endedAt: line.at};
      open.delete(act!);
      continue;
    }
    if (act !== undefined && line.result === BEGUN) open.set(act, acts.length);
    acts.push(line);
  }
  return acts;
}

function parseLine(text: string): Line {
  try {
    return Line.parse(JSON.parse(text));
  } catch (error) {
    throw new Error(`this is no line of an audit log: ${text.slice(0, 80)}`, {cause: error});
  }
}
