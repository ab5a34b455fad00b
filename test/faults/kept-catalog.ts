// The catalog as a node's member of the meta group has it on its disk, to be compared with another's.

import {readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import type {ProcessNode} from '@flotilla/testkit';

/** The entities of the catalog as the node's member of the meta group wrote them last, by kind and id. */
export function catalogOf({directory}: ProcessNode): string[] {
  const files = readdirSync(directory, {recursive: true, encoding: 'utf8'});
  const newest = files
    .filter((file) => /catalog-\d{16}\.json$/.test(file))
    .sort()
    .at(-1);
  if (newest === undefined) throw new Error(`${directory} holds no catalog`);
  const text = readFileSync(path.join(directory, newest), 'utf8');
  // Behind the line that is its head.
  const {machine} = JSON.parse(text.slice(text.indexOf('\n'))) as {
    machine: {catalog: {changes: {kind: string; id: number; value: object}[]}};
  };
  const lines = machine.catalog.changes.map(({kind, id, value}) => {
    const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `${kind} ${id} ${JSON.stringify(fields)}`;
  });
  return lines.sort();
}
