// What a node knows of the others' lives: how often each was started, which start was the last, and the
// highest durable record that each of its stores told. Only ever more; as text it outlives the process.

import type {NodeId} from '@flotilla/base';
import {z} from 'zod';
import type {KnownLife} from '../connections/hello.ts';

/** Two syncs of a small file each time, and none while nothing is written. */
export const LIVES_EVERY_MS = 2_000;

const Lives = z.array(
  z.object({
    node: z.number().int().positive(),
    bootEpoch: z.number().int().min(0),
    /** Absent of files, and of nodes, of older builds. */
    life: z.number().int().optional(),
    records: z.array(z.object({store: z.number().int(), record: z.number().int()})),
  }),
);

/** As beats and hellos show it. */
export interface SeenLife {
  readonly node: NodeId;
  readonly bootEpoch: number;
  /** Once that node was vetted by what is known here. */
  readonly life?: number | undefined;
  readonly durableRecords: ReadonlyMap<number, number>;
}

interface Life {
  bootEpoch: number;
  life: number | undefined;
  readonly records: Map<number, number>;
}

export class KnownLives {
  static readonly NONE = '[]';
  readonly #lives: Map<NodeId, Life>;

  /** @param text as `toText` gives it. */
  constructor(text: string) {
    this.#lives = new Map(
      Lives.parse(JSON.parse(text)).map(({node, bootEpoch, life, records}) => [
        node as NodeId,
        {bootEpoch, life, records: new Map(records.map(({store, record}) => [store, record]))},
      ]),
    );
  }

  of(node: NodeId): KnownLife | undefined {
    const life = this.#lives.get(node);
    if (life === undefined) return undefined;
    const records = [...life.records].map(([store, record]) => ({store, record}));
    return {bootEpoch: life.bootEpoch, life: life.life, records};
  }

  learn(seen: Iterable<SeenLife>): void {
    for (const {node, bootEpoch, life: number, durableRecords} of seen) {
      const life: Life = this.#lives.get(node) ?? {
        bootEpoch: 0,
        life: undefined,
        records: new Map(),
      };
      this.#lives.set(node, life);
      if (number !== undefined && bootEpoch >= life.bootEpoch) life.life = number;
      life.bootEpoch = Math.max(life.bootEpoch, bootEpoch);
      for (const [store, record] of durableRecords)
        life.records.set(store, Math.max(record, life.records.get(store) ?? 0));
    }
  }

  toText(): string {
    return JSON.stringify([...this.#lives.keys()].map((node) => ({node, ...this.of(node)})));
  }
}
