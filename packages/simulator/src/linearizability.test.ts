// Against a checker that tries every order, and on histories of a register that is one.

import {SeededRandom} from '@flotilla/base';
import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {checkRegister, type RegisterOperation} from './linearizability.ts';

type Operation = RegisterOperation;

function write(
  value: number,
  startMs: number,
  endMs: number,
  more: Partial<Operation> = {},
): Operation {
  return {client: 1, kind: 'write', value, startMs, endMs, outcome: 'ok', ...more};
}

function read(
  value: number,
  startMs: number,
  endMs: number,
  more: Partial<Operation> = {},
): Operation {
  return {client: 2, kind: 'read', value, startMs, endMs, outcome: 'ok', ...more};
}

const UNKNOWN = {outcome: 'unknown', endMs: Number.POSITIVE_INFINITY} as const;

/** Every order of every choice of the unknown writes. */
function hasOrderByForce(history: readonly Operation[]): boolean {
  const relevant = history.filter(
    ({outcome, kind}) => outcome === 'ok' || (outcome === 'unknown' && kind === 'write'),
  );
  const extend = (left: readonly Operation[], value: number): boolean => {
    if (left.every(({outcome}) => outcome === 'unknown')) return true;
    return left.some((next) => {
      if (left.some((other) => other !== next && other.endMs < next.startMs)) return false;
      if (next.kind === 'read' && next.value !== value) return false;
      return extend(
        left.filter((other) => other !== next),
        next.value,
      );
    });
  };
  return extend(relevant, 0);
}

interface Shape {
  readonly clients: number;
  readonly operations: number;
  readonly unknownRate: number;
  readonly refusedRate: number;
}

/** What clients of a true register see: each operation takes effect somewhere within its time. */
function trueHistory(random: SeededRandom, shape: Shape): Operation[] {
  const freeMs = Array.from({length: shape.clients}, () => 0);
  const planned: {operation: Operation; effectMs: number}[] = [];
  for (let value = 1; value <= shape.operations; value++) {
    const client = random.below(shape.clients);
    const startMs = freeMs[client]! + random.below(5);
    const durationMs = 1 + random.below(20);
    freeMs[client] = startMs + durationMs;
    const kind = random.below(2) === 0 ? 'write' : 'read';
    const draw = random.next();
    const isUnknown = draw < shape.unknownRate;
    const isRefused = !isUnknown && draw < shape.unknownRate + shape.refusedRate;
    const lateMs = isUnknown ? random.below(100) : durationMs;
    // A refused write never takes effect, an unknown one perhaps.
    const never = isRefused || (isUnknown && random.below(3) === 0);
    planned.push({
      effectMs: never ? Number.POSITIVE_INFINITY : startMs + random.next() * lateMs,
      operation: {
        client,
        kind,
        value,
        startMs,
        endMs: isUnknown ? Number.POSITIVE_INFINITY : startMs + durationMs,
        outcome: isUnknown ? 'unknown' : isRefused ? 'refused' : 'ok',
      },
    });
  }
  let register = 0;
  const seen = planned
    .sort((a, b) => a.effectMs - b.effectMs)
    .map(({operation, effectMs}) => {
      if (operation.kind === 'read') return {...operation, value: register};
      if (effectMs < Number.POSITIVE_INFINITY) register = operation.value;
      return operation;
    });
  return seen.sort((a, b) => a.startMs - b.startMs);
}

const SMALL: Shape = {clients: 3, operations: 8, unknownRate: 0.15, refusedRate: 0.1};

/** One read changed to another value: an older, a later, a refused one, or one that nobody wrote. */
function withOtherRead(random: SeededRandom, history: readonly Operation[]): Operation[] {
  const reads = history.filter(({kind, outcome}) => kind === 'read' && outcome === 'ok');
  if (reads.length === 0) return [...history];
  const changed = reads[random.below(reads.length)]!;
  const values = [0, 999, ...history.filter(({kind}) => kind === 'write').map(({value}) => value)];
  const value = values[random.below(values.length)]!;
  return history.map((one) => (one === changed ? {...one, value} : one));
}

describe('checkRegister', () => {
  test('accepts whatever a true register shows', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({min: 1, max: 200}), (seed, operations) => {
        const shape = {clients: 5, operations, unknownRate: 0.1, refusedRate: 0.1};
        expect(checkRegister(trueHistory(new SeededRandom(seed), shape))).toBeUndefined();
      }),
    );
  });

  test('agrees with the checker that tries every order, after a read was changed', () => {
    let rejected = 0;
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = new SeededRandom(seed);
        const history = withOtherRead(random, trueHistory(random, SMALL));
        const violation = checkRegister(history);
        expect(violation === undefined).toBe(hasOrderByForce(history));
        if (violation !== undefined) rejected += 1;
      }),
      {numRuns: 1_000},
    );
    expect(rejected).toBeGreaterThan(100);
  });

  test('agrees with it on operations at random', () => {
    const operation = fc.record({
      client: fc.integer({min: 1, max: 3}),
      kind: fc.constantFrom('write' as const, 'read' as const),
      startMs: fc.integer({min: 0, max: 12}),
      lengthMs: fc.integer({min: 0, max: 6}),
      outcome: fc.constantFrom(
        'ok' as const,
        'ok' as const,
        'unknown' as const,
        'refused' as const,
      ),
      of: fc.nat({max: 4}),
    });
    fc.assert(
      fc.property(fc.array(operation, {maxLength: 7}), (drawn) => {
        const history = drawn.map(
          ({client, kind, startMs, lengthMs, outcome, of}, at): Operation => {
            const endMs = outcome === 'unknown' ? Number.POSITIVE_INFINITY : startMs + lengthMs;
            return {client, kind, value: kind === 'write' ? at + 1 : of, startMs, endMs, outcome};
          },
        );
        expect(checkRegister(history) === undefined).toBe(hasOrderByForce(history));
      }),
      {numRuns: 3_000},
    );
  });

  test('what it shows has no order by itself, and has one before the instant it names', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = new SeededRandom(seed);
        const shape = {clients: 4, operations: 40, unknownRate: 0.1, refusedRate: 0.05};
        const violation = checkRegister(withOtherRead(random, trueHistory(random, shape)));
        if (violation === undefined) return;
        const {operations, untilMs} = violation;
        expect(hasOrderByForce(operations)).toBe(false);
        // Of two values the write, the operation that returned first and the one that was called last.
        expect(operations.length).toBeLessThanOrEqual(6);
        for (const left of operations) {
          const rest = operations.filter((one) => one !== left);
          const isStillRead = left.kind === 'write' && rest.some(({value}) => value === left.value);
          expect(isStillRead || hasOrderByForce(rest)).toBe(true);
        }
        const before = operations.filter(({endMs, outcome}) => outcome !== 'ok' || endMs < untilMs);
        const rest = operations.filter((one) => !before.includes(one) && one.kind === 'write');
        expect(hasOrderByForce([...before, ...rest.map((one) => ({...one, ...UNKNOWN}))])).toBe(
          true,
        );
      }),
      {numRuns: 1_000},
    );
  });

  test('six operations may be needed, and are shown', () => {
    const history = [
      read(14, 3, 22),
      read(15, 14, 26),
      write(14, 19, 29),
      write(15, 22, 42),
      read(15, 26, 45),
      read(14, 37, 40),
    ];
    expect(checkRegister(history)?.operations).toEqual(history);
  });

  test('a stale read is shown with the write that it missed', () => {
    const history = [
      write(1, 0, 10),
      write(2, 20, 30),
      read(2, 25, 35),
      read(1, 40, 50, {client: 3}),
      read(2, 60, 70),
    ];
    expect(checkRegister(history)?.message).toBe(
      [
        'no order explains what was seen until 50 ms:',
        '  0..10 ms: client 1 writes 1',
        '  20..30 ms: client 1 writes 2',
        '  40..50 ms: client 3 reads 1',
      ].join('\n'),
    );
  });

  test('a read of what was never written, was refused, or comes later', () => {
    expect(checkRegister([read(7, 0, 5)])?.operations).toHaveLength(1);
    expect(checkRegister([write(7, 0, 5, {outcome: 'refused'}), read(7, 6, 8)])).toBeDefined();
    expect(checkRegister([read(7, 0, 5), write(7, 6, 8)])).toBeDefined();
    expect(checkRegister([read(7, 0, 5), write(7, 6, 8, UNKNOWN)])).toBeDefined();
  });

  test('an unknown write may come late or never, and not come back', () => {
    const late = [write(1, 0, 1, UNKNOWN), write(2, 5, 6), read(2, 7, 8), read(1, 9, 10)];
    expect(checkRegister(late)).toBeUndefined();
    expect(checkRegister([write(1, 0, 1, UNKNOWN), read(0, 50, 60)])).toBeUndefined();
    expect(checkRegister([...late, read(2, 11, 12)])).toBeDefined();
  });

  test('an unknown read says nothing', () => {
    expect(checkRegister([read(7, 0, 1, UNKNOWN)])).toBeUndefined();
  });

  test('10,000 operations of 10 clients are checked quickly, with and without a violation', () => {
    const random = new SeededRandom(1);
    const shape = {clients: 10, operations: 10_000, unknownRate: 0.05, refusedRate: 0.05};
    const history = trueHistory(random, shape);
    const start = process.cpuUsage();
    expect(checkRegister(history)).toBeUndefined();
    const last = history.findLast(({kind, outcome}) => kind === 'read' && outcome === 'ok')!;
    const stale = history.map((one) => (one === last ? {...one, value: 0} : one));
    expect(checkRegister(stale)?.operations).toHaveLength(2);
    // Some 50 ms of this process's CPU; what grows with the square would take minutes.
    expect(process.cpuUsage(start).user / 1_000).toBeLessThan(5_000);
  });
});
