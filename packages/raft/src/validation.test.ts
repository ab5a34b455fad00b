// Whatever numbers another node sends: a message is taken whole or dropped and counted, and no index,
// term or round beyond 2^53 gets into a group, where adding one would change nothing.

import fc from 'fast-check';
import {expect, test} from 'vitest';
import {EMPTY_CONFIGURATION} from './configuration.ts';
import {RaftLab} from './lab/index.ts';
import type {Message} from './message.ts';

const to = 1;
const from = 2;
const term = 6;
const session = 1;
const committed = {commitIndex: 5, commitTerm: 5};
const lastOf = {lastIndex: 9, lastTerm: 6};
const configuration = {...EMPTY_CONFIGURATION, voters: [1, 2, 3]};
const snapshot = {index: 9, term: 6, configuration, configIndex: 5};
const payload = new Uint8Array(1);

const MESSAGES: readonly Message[] = [
  {
    type: 'append',
    ...{from, to, term, session, prevIndex: 5, prevTerm: 5, commitIndex: 5},
    entries: [{index: 6, term: 6, type: 'normal', payload}],
  },
  {
    type: 'appendReply',
    ...{from, to, term, session, index: 5, rejected: false, hintIndex: 0, hintTerm: 0},
    commitIndex: 5,
  },
  {type: 'heartbeat', from, to, term, session, commitIndex: 5, round: 1},
  {type: 'heartbeatReply', from, to, term, session, commitIndex: 5, round: 1},
  {type: 'vote', from, to, term, ...lastOf, ...committed, transfer: false},
  {type: 'voteReply', from, to, term, granted: true, ...committed},
  {type: 'preVote', from, to, term, ...lastOf, ...committed},
  {type: 'preVoteReply', from, to, term, granted: true, ...committed},
  {type: 'timeoutNow', from, to, term},
  {type: 'readIndex', from, to, term, readId: 1},
  {type: 'readIndexReply', from, to, term, readId: 1, index: 5},
  {type: 'snapshot', from, to, term, session, snapshot},
];

function receiver() {
  const lab = new RaftLab();
  lab.addNodes(3, {voters: [1, 2, 3], index: 5, term: 5});
  return lab.replica(1).group;
}

/** Every place of a number in a message, as a path. */
function numbersOf(value: unknown, path: readonly string[] = []): string[][] {
  if (typeof value === 'number') return [[...path]];
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) => numbersOf(inner, [...path, key]));
}

function withNumber(message: Message, path: readonly string[], value: number): Message {
  const copy = structuredClone(message) as unknown as Record<string, unknown>;
  let at = copy;
  for (const key of path.slice(0, -1)) at = at[key] as Record<string, unknown>;
  at[path.at(-1)!] = value;
  return copy as unknown as Message;
}

const bad = fc.oneof(
  fc.constantFrom(2 ** 53, 2 ** 53 + 2, 2 ** 64, Infinity, Number.NaN, -1, 0.5, 5.5),
  fc.double({min: 2 ** 53, noNaN: true}),
);

test.each(MESSAGES.map((message) => [message.type, message] as const))(
  'no number in a %s that is no safe count gets in',
  (_type, message) => {
    const sound = receiver();
    sound.step({type: 'message', message});
    expect(sound.status().badInput.malformed, 'as it is').toBe(0);
    fc.assert(
      fc.property(fc.constantFrom(...numbersOf(message)), bad, (path, value) => {
        // Read ids are opaque: any integer is one.
        if (path[0] === 'readId' && Number.isSafeInteger(value)) return;
        const group = receiver();
        const before = group.status();
        group.step({type: 'message', message: withNumber(message, path, value)});
        const badInput = {...before.badInput, malformed: 1};
        expect(group.status()).toEqual({...before, badInput});
        expect(group.hasOutput()).toBe(false);
      }),
    );
  },
);
