// The lines of a body that must be taken whole, looked at before meta is asked for anything: those that
// are refused whatever is made for the others. So such a body leaves no table, column or bucket behind
// if it has one, unless others change the catalog meanwhile.

import type {Catalog, Database} from '@flotilla/catalog';
import type {ParsedBatch} from '@flotilla/column';
import {refuseBuckets} from './bucket-limit.ts';
import {refuseBeyondRoom} from './column-room.ts';
import {isOfMissing, type Refusal} from './refusal.ts';
import {Rejections} from './rejected-rows.ts';
import {refuseTimes} from './row-targets.ts';
import {missingTables, refuseOwnConflicts, resolveTable} from './schema.ts';

interface Body {
  readonly batch: ParsedBatch;
  readonly lineText: (line: number) => string;
}

interface Present {
  readonly catalog: Catalog;
  readonly database: Database;
  readonly nowMs: number;
}

export function refusedAsItIs({batch, lineText}: Body, present: Present): Rejections {
  const {catalog, database, nowMs} = present;
  const rejections = new Rejections(batch, lineText, isOfMissing);
  const requests = missingTables(catalog, database, batch, new Map());
  const requestOf = new Map(requests.map((request) => [request.name, request]));
  for (const parsed of batch.tables) {
    // One look at a time, as each marks rows for itself and a line counts once.
    const before = rejections.count;
    const refusals = new Map<string, Refusal>();
    refuseBeyondRoom(present, parsed, refusals);
    refuseTimes(parsed, {database, nowMs, rejections});
    if (rejections.count === before) resolveTable(catalog, database, parsed, rejections, refusals);
    const request = requestOf.get(parsed.table);
    if (rejections.count === before && request !== undefined)
      refuseOwnConflicts(parsed, request, rejections);
  }
  if (rejections.count === 0) refuseBuckets(batch.tables, {catalog, database, rejections});
  return rejections;
}
