// What the distribution holds: the packages that the command line reaches and, of the installed
// dependencies, those that they reach. Read off package.json files and the links that pnpm made, so that
// nothing is resolved anew and no network is needed.

import {existsSync, readdirSync, readFileSync, realpathSync} from 'node:fs';
import path from 'node:path';

const ENTRY = '@flotilla/cli';
const OWN = '@flotilla/';

export interface Contents {
  /** Directory names under packages/, sorted. */
  readonly packages: readonly string[];
  /** Directory names under node_modules/.pnpm, sorted. */
  readonly dependencies: readonly string[];
}

export function contentsOf(root: string): Contents {
  const packages = new Set<string>();
  const dependencies = new Set<string>();
  const reach = (name: string): void => {
    const short = name.slice(OWN.length);
    if (packages.has(short)) return;
    packages.add(short);
    const directory = path.join(root, 'packages', short);
    for (const dependency of dependenciesOf(directory)) {
      if (dependency.startsWith(OWN)) reach(dependency);
      else collect(path.join(directory, 'node_modules', dependency), dependencies);
    }
    for (const optional of dependenciesOf(directory, 'optionalDependencies')) {
      const link = path.join(directory, 'node_modules', optional);
      if (existsSync(link)) collect(link, dependencies);
    }
  };
  reach(ENTRY);
  return {packages: [...packages].sort(), dependencies: [...dependencies].sort()};
}

function dependenciesOf(
  directory: string,
  kind: 'dependencies' | 'optionalDependencies' = 'dependencies',
): string[] {
  const text = readFileSync(path.join(directory, 'package.json'), 'utf8');
  const manifest = JSON.parse(text) as {[of in typeof kind]?: Record<string, string>};
  return Object.keys(manifest[kind] ?? {});
}

/** A dependency's home is `.pnpm/<name>@<version>/node_modules`, beside links to all that it needs. */
function collect(link: string, into: Set<string>): void {
  const [store, home] = homeOf(realpathSync(link));
  if (into.has(home)) return;
  into.add(home);
  for (const other of modulesIn(path.join(store, home, 'node_modules'))) collect(other, into);
}

function homeOf(directory: string): [store: string, home: string] {
  const mark = `${path.sep}.pnpm${path.sep}`;
  const at = directory.lastIndexOf(mark);
  if (at === -1) throw new Error(`not installed by pnpm: ${directory}`);
  const [home] = directory.slice(at + mark.length).split(path.sep);
  return [directory.slice(0, at + mark.length - 1), home!];
}

function modulesIn(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory).flatMap((name) => {
    const place = path.join(directory, name);
    if (name.startsWith('.')) return [];
    return name.startsWith('@') ? modulesIn(place) : [place];
  });
}
