// Every command and every field of one, against those of cluster version 1 as they were released. One that is
// not among them must be given only from a later version on, or a build that has not got it makes another catalog.

import {
  COMMAND_TYPES,
  type Command,
  type CommandType,
  FIELDS_SINCE,
  OPERATIONS_SINCE,
  versionFault,
  versionNeeded,
  withoutNewerFields,
} from '@flotilla/catalog';
import {describe, expect, test} from 'vitest';
import * as z from 'zod';
import {commandSchema} from './command-codec.ts';

const NODE = 'node node.incarnation node.address node.zone node.engineThreads node.version';
const TABLE = (at: string) =>
  `${at} ${at}.name ${at}.tags ${at}.fields ${at}.fields.name ${at}.fields.type`;
const OPTIONS = `options ${['ttlMs', 'bucketDurationMs', 'shards', 'replicas', 'precision', 'failover'].map((name) => `options.${name}`).join(' ')}`;
const COLUMN = 'change.column change.column.name change.column.kind change.column.type';

/** Of the build before the first upgrade. Never changed. */
const VERSION_1: {readonly [Type in CommandType]?: string} = {
  'found-cluster': `clusterId ${NODE} atMs`,
  'register-node': `${NODE} isAddressFree atMs`,
  'update-node': 'node address zone engineThreads version',
  'set-node-state': 'node state expectedState',
  'set-cluster': 'automation failover',
  'create-tenant': 'name comment ifNotExists',
  'alter-tenant': 'name comment',
  'drop-tenant': 'name ifExists',
  'create-database': `tenant name ${OPTIONS} ifNotExists`,
  'alter-database': `tenant name ${OPTIONS}`,
  'drop-database': 'tenant name ifExists atMs purgeAtMs',
  'recover-database': 'tenant name as',
  'purge-database': 'database',
  'raise-expired-before': 'database expiredBeforeMs atMs',
  'create-table': `database ${TABLE('table')} ifNotExists`,
  'ensure-tables': `database ${TABLE('tables')} allOrNothing`,
  'alter-table': `database name change change.kind ${COLUMN} change.name change.to`,
  'drop-table': 'database name ifExists atMs purgeAtMs',
  'recover-table': 'database name as',
  'purge-table': 'table atMs',
  'forget-table': 'table',
  'ensure-bucket': 'database timeMs startMs endMs placements placements.node placements.role',
  'open-replica-sets': 'sets',
  'set-placement':
    'set expectedEpoch add add.node add.role remove roles roles.replica roles.role replicasWanted',
  'pin-replica-set': 'set pinned',
  'set-replica-set-failover': 'set failover',
  'forget-replica-sets': 'sets',
  'drop-bucket': 'bucket',
  'create-operation':
    'kind replicaSet source target sourceNode targetNode allowFewerVoters pin startedBy atMs',
  'update-operation': 'operation expectedStep step state source target error atMs',
  'expire-operations': 'finishedBeforeMs',
};

/** What the last build of version 2 knew beyond those. Never changed. */
const VERSION_2: {readonly [Type in CommandType]?: string} = {
  'register-node': 'node.isInsecure',
  'update-node': 'isInsecure',
  'set-automation': 'kinds paused untilMs atMs',
  'set-maintenance': 'node maintenance maintenance.untilMs maintenance.scope atMs',
  'drop-tenant': 'atMs purgeAtMs orTrash',
  'recover-tenant': 'name as',
  'purge-tenant': 'tenant',
  'drop-database': 'orTrash',
  'drop-table': 'orTrash',
  'declare-lost': 'nodes atMs',
  'recover-replica-set': 'set expectedEpoch node replica lastIndex atMs',
  'skip-entry': 'set index by atMs',
  'create-operation': 'retryOf',
  'update-operation':
    'waitingFor errorCode result differing transfer transfer.bytes transfer.bytesTotal transfer.bytesPerSecond',
  'create-token': 'name hash createdBy onlyFirst atMs',
  'revoke-token': 'name',
};

/** And the last one of version 3. Never changed. */
const VERSION_3: {readonly [Type in CommandType]?: string} = {
  'set-node-state': 'operation',
  'begin-skip': 'set index by atMs',
  'end-skip': 'set order promised',
  'create-operation': 'cause',
  'update-operation': 'targetNode by',
};

/** And the one of version 4 that was landed last. Never changed. */
const VERSION_4: {readonly [Type in CommandType]?: string} = {
  'replace-replica-set': 'set expectedEpoch operation placement placement.node placement.role',
};

/** And the last one of version 6, those of version 5 among them. Never changed. */
const VERSION_6: {readonly [Type in CommandType]?: string} = {
  'alter-database': 'atMs',
  'raise-expired-before': 'ttlMs',
  'ensure-bucket': 'atMs',
  'open-replica-sets': 'atMs',
  'drop-bucket': 'expiredAtMs',
  'update-operation': 'movesPlanned',
};

/** Given without a gate, and why no older build meets them. */
const UNGATED: Readonly<Record<string, string>> = {
  'found-cluster node.isInsecure': 'the founder is alone',
  'found-cluster clusterVersion': 'the founder is alone, and of the version that it says',
  'finalize-upgrade': 'its own proposer asks every node first',
  'recover-meta': 'proposed by nobody: it makes a state, on nodes that are stopped',
};

/** Paths of all fields, 'a.b' for a field of a field; of arrays those of their elements. */
function fieldsOf(schema: unknown, path = ''): string[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable)
    return fieldsOf(schema.unwrap(), path);
  if (schema instanceof z.ZodArray) return fieldsOf(schema.element, path);
  if (schema instanceof z.ZodUnion)
    return [...new Set(schema.options.flatMap((option) => fieldsOf(option, path)))];
  if (!(schema instanceof z.ZodObject)) return [];
  return Object.entries(schema.shape).flatMap(([name, part]) => {
    const at = path === '' ? name : `${path}.${name}`;
    return [at, ...fieldsOf(part, at)];
  });
}

const SCHEMAS = new Map(
  commandSchema.options.map((schema) => {
    const [type] = schema.shape.type.values;
    return [type as CommandType, fieldsOf(schema).filter((field) => field !== 'type')] as const;
  }),
);
const since = (type: CommandType): Readonly<Record<string, number>> => FIELDS_SINCE[type] ?? {};

/** What a field that goes out later holds goes out with it. */
function gateOf(type: CommandType, field: string): number {
  const names = field.split('.');
  const paths = names.map((_, i) => names.slice(0, i + 1).join('.'));
  return Math.max(1, ...paths.map((path) => since(type)[path] ?? 1));
}

test('every command has a schema, and those of version 1 have all the fields that they had', () => {
  expect([...SCHEMAS.keys()].sort()).toEqual([...COMMAND_TYPES].sort());
  for (const [type, fields] of Object.entries(VERSION_1))
    expect(SCHEMAS.get(type as CommandType), type).toEqual(
      expect.arrayContaining(fields.split(' ')),
    );
});

describe.each([...SCHEMAS])('%s', (type, fields) => {
  const old = VERSION_1[type]?.split(' ');

  test('is of version 1, or is given later', () => {
    if (old !== undefined || UNGATED[type] !== undefined) return;
    const command = {type} as Command;
    expect(versionNeeded(command)).toBeGreaterThan(1);
    expect(versionFault(command, 1)).toMatch(/finalize|given no more/);
  });

  test('has no newer field that goes out at version 1', () => {
    if (old === undefined) return;
    const newer = fields.filter((field) => !old.includes(field));
    const ungated = newer.filter((field) => UNGATED[`${type} ${field}`] === undefined);
    for (const field of ungated) expect(gateOf(type, field), field).toBeGreaterThan(1);
    const whole = commandOf(type, fields);
    const fitting = withoutNewerFields(whole, 1);
    const sent = pathsOf(fitting).filter((field) => field !== 'type');
    expect(sent.filter((field) => ungated.includes(field))).toEqual([]);
    expect(sent).toEqual(expect.arrayContaining(old));
  });

  test.each([
    [2, [VERSION_1, VERSION_2]],
    [3, [VERSION_1, VERSION_2, VERSION_3]],
    [4, [VERSION_1, VERSION_2, VERSION_3, VERSION_4]],
    [6, [VERSION_1, VERSION_2, VERSION_3, VERSION_4, VERSION_6]],
  ])('has no newer field that goes out at version %i', (version, lists) => {
    const known = lists.flatMap((list) => list[type]?.split(' ') ?? []);
    if (known.length === 0) return;
    const newer = fields.filter((field) => !known.includes(field));
    for (const field of newer.filter((one) => UNGATED[`${type} ${one}`] === undefined))
      expect(gateOf(type, field), field).toBeGreaterThan(version);
  });

  test('every gate names a field that there is', () => {
    for (const field of Object.keys(since(type))) expect(fields).toContain(field);
  });
});

test('every kind of operation is of version 1, or is begun later', () => {
  const old =
    'add-replica remove-replica move-replica transfer-leader drain-node decommission-node rebalance repair';
  for (const [kind, version] of Object.entries(OPERATIONS_SINCE))
    expect(version > 1, kind).toBe(!old.split(' ').includes(kind));
});

/** One with all the fields, whatever they hold. */
function commandOf(type: CommandType, fields: readonly string[]): Command {
  const command: Record<string, unknown> = {type};
  for (const field of fields) {
    const names = field.split('.');
    let at = command;
    for (const name of names.slice(0, -1)) {
      if (typeof at[name] !== 'object') at[name] = {};
      at = at[name] as Record<string, unknown>;
    }
    at[names.at(-1)!] ??= 1;
  }
  return command as unknown as Command;
}

function pathsOf(object: object, path = ''): string[] {
  return Object.entries(object).flatMap(([name, value]: [string, unknown]) => {
    const at = path === '' ? name : `${path}.${name}`;
    return [at, ...(typeof value === 'object' && value !== null ? pathsOf(value, at) : [])];
  });
}
