// The files of a data directory beside its stores: who the node is, what it remembers, what it did.

import {readFile} from 'node:fs/promises';
import path from 'node:path';
import {crc32} from 'node:zlib';
import {FatalError, type FileFault} from '@flotilla/base';
import {
  DIRECTORY_FORMAT,
  EPOCH_FILE,
  LIVES_FILE,
  NODE_FILE,
  readChecked,
  systemErrorCode,
} from '../adapters/index.ts';
import {CATALOG_CACHE_FILE, readCatalogFile} from '../node/catalog-cache.ts';
import {DOOR_FILE} from '../node/door-note.ts';
import {STORE_RECORDS_FILE} from '../node/store-records.ts';
import type {Inventory} from './inventory.ts';
import type {About} from './meanings.ts';

const AUDIT_FILE = /^audit\/audit(\.\d+)?\.jsonl$/;
const NEWLINE = 0x0a;
/** Whatever holds the lock's file open and closes it gives the lock up: its name alone is looked at. */
const UNREAD_IDENTITY = ['lock', 'lock-journal', 'lock-holder'];

export interface CheckedNode {
  /** Absent where node.json does not tell. */
  readonly node?: number | undefined;
  readonly cluster?: string | undefined;
  /** As many as node.json says; 0 where it does not. */
  readonly stores: number;
}

interface NodeFields {
  readonly format?: unknown;
  readonly stores?: unknown;
  readonly identity?: {readonly cluster: string; readonly node: number} | null;
}

export async function checkNodeFiles(inventory: Inventory): Promise<CheckedNode> {
  const checked = await checkIdentity(inventory);
  const {node} = checked;
  const look = (file: string, about: About, read: (full: string) => Promise<unknown>) =>
    lookAt(inventory, file, {about, node, read});
  const memory = (file: string, read: (full: string) => Promise<unknown>) => {
    inventory.put(file, 'memory');
    return look(file, 'memory', read);
  };
  inventory.put(DOOR_FILE, 'memory');
  await look(DOOR_FILE, 'door', async (full) => JSON.parse(await readFile(full, 'utf8')));
  await memory(STORE_RECORDS_FILE, readSummed);
  await memory(CATALOG_CACHE_FILE, readCatalogFile);
  for (const file of [...inventory.left('audit')].filter((name) => AUDIT_FILE.test(name))) {
    inventory.put(file, 'audit');
    await checkAudit(inventory, file);
  }
  for (const file of inventory.left('compile-cache')) inventory.put(file, 'compiled');
  for (const file of inventory.left('')) if (isUnfinished(file)) inventory.put(file, 'leftover');
  return checked;
}

async function checkIdentity(inventory: Inventory): Promise<CheckedNode> {
  for (const file of [NODE_FILE, EPOCH_FILE, LIVES_FILE, ...UNREAD_IDENTITY])
    inventory.put(file, 'identity');
  for (const file of UNREAD_IDENTITY) if (inventory.has(file)) inventory.read(file);
  const read = (full: string) => readChecked(full) as Promise<NodeFields | undefined>;
  const fields = await lookAt(inventory, NODE_FILE, {about: 'identity', read});
  const {identity, stores = 0, format} = fields ?? {};
  const checked = {
    node: identity?.node,
    cluster: identity?.cluster,
    stores: typeof stores === 'number' ? stores : 0,
  };
  const subject = {about: 'identity' as const, node: checked.node};
  const damage = (fault: FileFault) => inventory.damage(subject, fault);
  if (!inventory.has(NODE_FILE)) damage({file: NODE_FILE, message: 'it is missing'});
  if (fields !== undefined && format !== DIRECTORY_FORMAT)
    damage({file: NODE_FILE, message: `of format ${format}; this build knows ${DIRECTORY_FORMAT}`});
  // Until it has an identity a crash may have come before the file was made.
  if (identity && !inventory.has(EPOCH_FILE)) damage({file: EPOCH_FILE, message: 'it is missing'});
  for (const file of [EPOCH_FILE, LIVES_FILE])
    await lookAt(inventory, file, {...subject, read: readChecked});
  return checked;
}

interface Look<T> {
  readonly about: About;
  readonly node?: number | undefined;
  /** Throws where the file is damaged. */
  readonly read: (full: string) => Promise<T>;
}

/** What is in the file; undefined where it is missing or damaged. */
async function lookAt<T>(
  inventory: Inventory,
  file: string,
  {about, node, read}: Look<T>,
): Promise<T | undefined> {
  if (!inventory.has(file)) return undefined;
  try {
    return await read(path.join(inventory.directory, file));
  } catch (error) {
    if (systemErrorCode(error) !== undefined) inventory.cannotRead(file, error);
    else inventory.damage({about, node}, {file, message: whyOf(error)});
    return undefined;
  } finally {
    inventory.read(file);
  }
}

/** Without the place, which stands beside it. */
function whyOf(error: unknown): string {
  const {message} = error as Error;
  const [what = ''] = error instanceof FatalError ? message.split('; ', 1) : [message];
  return what;
}

/** A line of text, and its CRC32 as the next one. */
async function readSummed(full: string): Promise<void> {
  const [text = '', checksum] = (await readFile(full, 'utf8')).split('\n');
  if (String(crc32(text)) !== checksum) throw new Error('its checksum does not match');
}

/** Each line is an object. A last one without its end is what a crash has torn: the next act cuts it off. */
async function checkAudit(inventory: Inventory, file: string): Promise<void> {
  const read = async (full: string): Promise<void> => {
    const bytes = await readFile(full);
    for (let start = 0, end = bytes.indexOf(NEWLINE); end >= 0; ) {
      if (!isObject(bytes.toString('utf8', start, end)))
        inventory.damage(
          {about: 'audit'},
          {file, offset: start, message: 'this line is not one that was written'},
        );
      start = end + 1;
      end = bytes.indexOf(NEWLINE, start);
    }
  };
  await lookAt(inventory, file, {about: 'audit', read});
}

function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null;
  } catch {
    return false; // Said by the caller, who knows the place.
  }
}

/** What `replaceFile` writes before it is renamed. */
function isUnfinished(file: string): boolean {
  return /(^|\/)\.[^/]+\.tmp$/.test(file);
}
