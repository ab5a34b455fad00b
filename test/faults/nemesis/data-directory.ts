// The files of a node that has stopped cleanly: each is named by the layout of a data directory, by the
// catalog (directories of replicas) or by a store's manifest (their files), and all that these name is
// there. What else lies there was left over, and nobody would ever remove it.
// @see packages/storage/FORMAT.md, packages/multiraft/ARCHITECTURE.md, packages/meta/ARCHITECTURE.md

import {existsSync, readdirSync} from 'node:fs';
import path from 'node:path';
import {DatabaseSync} from 'node:sqlite';

const ROOT_NAMES = new Set([
  ...['lock', 'lock-holder', 'lock-journal', 'node.json', 'boot-epoch', 'door.json', 'stores'],
  ...['store-records.json', 'lives.json', 'catalog-cache.json', 'compile-cache', 'audit'],
]);
const MANIFEST = 'manifest.sqlite';
const STORE_NAMES = new Set([
  ...[MANIFEST, `${MANIFEST}-journal`],
  ...['log', 'replicas', 'staging', 'ballast'],
]);
/** Segments, and where they ended at the last clean stop. */
const LOG_FILE = /^(segment-\d{16}|end)$/;
const CATALOG_FILE = /^catalog-\d{16}\.json$/;
const CATALOG_FILES_MAX = 2;
/** A row's version, commit number and checksum come before its value. */
const ROW_HEADER_BYTES = 13;
const STATE_KEY = /^replica\/(\d+)\/(\d+)\/state$/;
/** Of the meta group's replicas, which keep files of their own and no rows. */
const META = /^0-\d+$/;

interface State {
  readonly parts: readonly {readonly file: string}[];
  readonly keyFiles: readonly {readonly file: string}[];
}

/**
 * What does not belong there, or is missing, each with its path.
 * @param wanted directories of replicas: `<set>-<replica>` as the catalog places them on this node.
 * @param holdsMeta whether it has a replica of the meta group.
 */
export function strayFiles(
  directory: string,
  {wanted, holdsMeta}: {readonly wanted: ReadonlySet<string>; readonly holdsMeta: boolean},
): string[] {
  const strays = strangersIn(directory, (name) => ROOT_NAMES.has(name));
  for (const store of namesIn(path.join(directory, 'stores'))) {
    const own = path.join(directory, 'stores', store);
    const manifest = manifestFiles(path.join(own, MANIFEST));
    const isReplica = (name: string) => (META.test(name) ? holdsMeta : wanted.has(name));
    strays.push(
      ...strangersIn(own, (name) => STORE_NAMES.has(name)),
      ...strangersIn(path.join(own, 'log'), (name) => LOG_FILE.test(name)),
      ...strangersIn(path.join(own, 'staging'), () => false),
      ...strangersIn(path.join(own, 'replicas'), isReplica),
      ...[...manifest.keys()]
        .filter((replica) => !wanted.has(replica))
        .map((replica) => `${path.join(own, MANIFEST)} names replica ${replica}`),
    );
    for (const replica of namesIn(path.join(own, 'replicas')).filter(isReplica)) {
      const files = path.join(own, 'replicas', replica);
      strays.push(...(META.test(replica) ? strayCatalogs(files) : strayParts(files, manifest)));
    }
  }
  return strays;
}

function strayCatalogs(directory: string): string[] {
  const strangers = strangersIn(directory, (name) => CATALOG_FILE.test(name));
  const count = namesIn(directory).length;
  return count <= CATALOG_FILES_MAX ? strangers : [...strangers, `${directory}: ${count} catalogs`];
}

function strayParts(
  directory: string,
  manifest: ReadonlyMap<string, ReadonlySet<string>>,
): string[] {
  const named = manifest.get(path.basename(directory)) ?? new Set();
  const missing = [...named].filter((name) => !existsSync(path.join(directory, name)));
  return [
    ...strangersIn(directory, (name) => named.has(name)),
    ...missing.map((name) => `${path.join(directory, name)} is missing`),
  ];
}

/** By replica's directory, the files that the manifest names. */
function manifestFiles(file: string): ReadonlyMap<string, ReadonlySet<string>> {
  const files = new Map<string, ReadonlySet<string>>();
  if (!existsSync(file)) return files;
  const database = new DatabaseSync(file, {readOnly: true});
  try {
    for (const row of database.prepare('SELECT key, value FROM rows').all()) {
      const [, set, replica] = STATE_KEY.exec(String(row['key'])) ?? [];
      if (set === undefined) continue;
      const value = (row['value'] as Uint8Array).subarray(ROW_HEADER_BYTES);
      const {parts, keyFiles} = JSON.parse(Buffer.from(value).toString('utf8')) as State;
      files.set(`${set}-${replica}`, new Set([...parts, ...keyFiles].map((one) => one.file)));
    }
  } finally {
    database.close();
  }
  return files;
}

function strangersIn(directory: string, isKnown: (name: string) => boolean): string[] {
  const strangers = namesIn(directory).filter((name) => !isKnown(name));
  return strangers.map((name) => `${path.join(directory, name)} belongs to nobody`);
}

/** Of a directory that is not there, none. */
function namesIn(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}
