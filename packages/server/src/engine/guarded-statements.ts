// Statements that change the cluster: they are for administrators, and go into the audit log.

import {DbError, LIMITS} from '@flotilla/base';
import type {Statement} from '@flotilla/query';
import {audited, NO_AUDIT} from '../doors/audit.ts';
import type {SqlCall} from './gateway.ts';
import type {SqlServiceDeps} from './statement-context.ts';

/** What everybody may who may write: a new kind of statement is not among them by itself. */
const EVERYBODY: ReadonlySet<string> = new Set([
  'select',
  'insert',
  'delete',
  'explain',
  'create-database',
  'alter-database',
  'drop-database',
  'create-table',
  'alter-table',
  'drop-table',
]);

/** A DROP that keeps less long than the trash does takes away what could have been recovered. */
export function isForAdministrators(
  statement: Statement,
  retentionMs: number = LIMITS.trash_retention_ms.value,
): boolean {
  const {kind} = statement;
  if (kind.startsWith('show-') || kind.startsWith('describe-')) return false;
  if (!EVERYBODY.has(kind)) return true;
  return 'afterMs' in statement && (statement.afterMs ?? retentionMs) < retentionMs;
}

/** Runs it if its caller may, and tells the audit log of those that are for administrators. */
export async function guarded<Answer>(
  statement: Statement,
  call: SqlCall,
  {audit = NO_AUDIT, trashRetentionMs}: Pick<SqlServiceDeps, 'audit' | 'trashRetentionMs'>,
  run: () => Promise<Answer>,
): Promise<Answer> {
  if (!isForAdministrators(statement, trashRetentionMs)) return run();
  const {caller = {type: 'anyone'}, from, requestId, text} = call;
  const who = caller.type === 'administrator' ? caller.name : caller.type;
  const intent = {who, from, what: statement.kind, how: text, requestId};
  if (caller.type !== 'stranger') return audited(audit, intent, run);
  audit.add({...intent, result: caller.code});
  throw new DbError(caller.code, caller.message);
}
