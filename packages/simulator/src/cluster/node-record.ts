// A node's record in the catalog, brought up to date after each start, however late, as server/src/engine/engine.ts
// does: a process may have other engine threads than the one before.

import {DbError} from '@flotilla/base';
import {type EngineCore, type MetaRole, updateNodeRecord} from '@flotilla/server/engine-parts';
import type {Process} from '../kernel/process.ts';

const FRESH_MS_MAX = 10_000;
const RETRY_MS = 2_000;

export interface RecordPorts extends Pick<EngineCore, 'copy' | 'meta'> {
  /** Of thread 0. */
  readonly process: Process;
  readonly described: ConstructorParameters<typeof MetaRole>[0]['options'];
}

export function recordNode(ports: RecordPorts): void {
  const {copy, meta, process, described} = ports;
  const record = async (): Promise<void> => {
    await copy.refresh(process.monotonicMs() + FRESH_MS_MAX);
    const deadlineMs = process.monotonicMs() + FRESH_MS_MAX;
    await updateNodeRecord(meta, copy.catalog, described, deadlineMs);
  };
  record().catch((error: unknown) => {
    if (!(error instanceof DbError)) throw error;
    process.setTimer(RETRY_MS, () => recordNode(ports));
  });
}
