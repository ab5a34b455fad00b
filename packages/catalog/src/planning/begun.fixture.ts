// The operations that the cluster begins by itself, and how they fail.

import type {ErrorCode, NodeId} from '@flotilla/base';
import type {CreateOperation} from '../commands.ts';
import type {CatalogMachine} from '../machine/catalog-machine.ts';
import type {Operation} from '../model.ts';
import {must, reportsOf} from './cluster.fixture.ts';
import {planNext} from './reconcile.ts';
import type {NodeReport} from './reports.ts';

export function begun(
  {catalog}: CatalogMachine,
  nowMs: number,
  reports: Map<NodeId, NodeReport> = reportsOf(catalog, {}),
): CreateOperation[] {
  return planNext(catalog, reports, nowMs).flatMap((action) =>
    action.type === 'propose' && action.command.type === 'create-operation' ? [action.command] : [],
  );
}

/** The next of these that the cluster begins, by its record. */
export function begin(machine: CatalogMachine, commands: readonly CreateOperation[]): Operation {
  must(machine, commands[0]!);
  return [...machine.catalog.operations()].at(-1)!;
}

/** As one whose target lost what it was given, or one that waited for other voters for too long. */
export function fail(
  machine: CatalogMachine,
  {id, step}: Operation,
  atMs: number,
  errorCode: ErrorCode = 'CONFLICT',
): void {
  const subject = {type: 'update-operation', operation: id, expectedStep: step, atMs} as const;
  must(machine, {...subject, state: 'cancelling', error: 'lost', errorCode});
  must(machine, {...subject, state: 'failed', errorCode});
}
