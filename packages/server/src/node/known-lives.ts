// What a node knows of the others' lives: how often each was started, and the highest durable record
// that each of its stores told. Only ever more; as text it outlives the process.

import type {NodeId} from '@flotilla/base';
import {z} from 'zod';
import type {KnownLife} from '../connections/hello.ts';

/** Two syncs of a small file each time, and none while nothing is written. */
export const LIVES_EVERY_MS = 2_000;

const Lives = z.array(
  z.object({
    node: z.number().int().positive(),
    bootEpoch: z.number().int().min(0),
    records: z.array(z.object({store: z.number().int(), record: z.number().int()})),
  }),
);

/** As beats and hellos show it. */
export interface SeenLife {
  readonly node: NodeId;
  readonly bootEpoch: number;
  readonly durableRecords: ReadonlyMap<number, number>;
}

export class KnownLives {
  static readonly NONE = '[]';
  readonly #lives: Map<NodeId, {bootEpoch: number; records: Map<number, number>}>;

  /** @param text as `toText` gives it. */
  constructor(text: string) {
    this.#lives = new Map(
      Lives.parse(JSON.parse(text)).map(({node, bootEpoch, records}) => [
        node as NodeId,
        {bootEpoch, records: new Map(records.map(({store, record}) => [store, record]))},
      ]),
    );
  }

  of(node: NodeId): KnownLife | undefined {
    const life = this.#lives.get(node);
    if (life === undefined) return undefined;
    const records = [...life.records].map(([store, record]) => ({store, record}));
    return {bootEpoch: life.bootEpoch, records};
  }

  learn(seen: Iterable<SeenLife>): void {
    for (const {node, bootEpoch, durableRecords} of seen) {
      const life = this.#lives.get(node) ?? {bootEpoch: 0, records: new Map()};
      this.#lives.set(node, life);
      life.bootEpoch = Math.max(life.bootEpoch, bootEpoch);
      for (const [store, record] of durableRecords)
        life.records.set(store, Math.max(record, life.records.get(store) ?? 0));
    }
  }

  toText(): string {
    return JSON.stringify([...this.#lives.keys()].map((node) => ({node, ...this.of(node)})));
  }
}
