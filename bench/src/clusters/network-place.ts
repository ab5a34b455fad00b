// Where the processes of a cluster run: all on 127.0.0.1, or each in a network namespace of its own,
// joined by a bridge to this one. Taking a namespace's link down cuts its node off from everybody, and
// nobody's kernel says a word: no reset, no FIN, as when a switch dies.
// @see ip-netns(8), veth(4)

import {execFileSync} from 'node:child_process';
import {freePorts} from '@flotilla/testkit';

export interface Place {
  /** Without the port. */
  readonly host: string;
  /** The first of the ports in a row that nothing else uses there. */
  readonly port: number;
  /** What goes before a server's command. */
  readonly prefix: readonly string[];
}

export interface NetworkPlaces {
  readonly places: readonly Place[];
  /** Takes the link of a place down or up. Only in namespaces. */
  setLink(place: number, state: 'up' | 'down'): void;
  close(): void;
}

/** @param portsEach ports in a row for each place. */
export async function loopbackPlaces(count: number, portsEach: number): Promise<NetworkPlaces> {
  const first = await freePorts(count * portsEach);
  const places = Array.from({length: count}, (_, i) => ({
    host: '127.0.0.1',
    port: first + i * portsEach,
    prefix: [],
  }));
  const setLink = () => {
    throw new Error('BUG: processes on 127.0.0.1 have no links to cut');
  };
  return {places, setLink, close: () => {}};
}

/** Names of interfaces have 15 characters at most. */
let lastNetwork = 0;

/** Why there can be no namespaces here; undefined if there can. */
export function whyNoNamespaces(): string | undefined {
  const name = `fb${process.pid}t`;
  try {
    ip('netns', 'add', name);
    ip('netns', 'del', name);
    return undefined;
  } catch (error) {
    return `cannot make network namespaces (root and iproute2): ${(error as Error).message}`;
  }
}

/** Requires root and iproute2. The subnet is of 10.213.0.0/16, which nothing else here uses. */
export function namespacePlaces(count: number): NetworkPlaces {
  const id = `fb${process.pid % 100_000}n${++lastNetwork}`;
  const subnet = `10.213.${(process.pid + lastNetwork) % 256}`;
  const bridge = `${id}b`;
  const names = Array.from({length: count}, (_, i) => `${id}${i}`);
  const close = () => {
    for (const name of names) ipIfThere('netns', 'del', name);
    ipIfThere('link', 'del', bridge);
    process.off('exit', close);
  };
  process.on('exit', close);
  try {
    ip('link', 'add', bridge, 'type', 'bridge');
    ip('addr', 'add', `${subnet}.254/24`, 'dev', bridge);
    ip('link', 'set', bridge, 'up');
    for (const [i, name] of names.entries()) addNamespace(name, bridge, `${subnet}.${i + 1}/24`);
  } catch (error) {
    close();
    throw error;
  }
  const places = names.map((name, i) => ({
    host: `${subnet}.${i + 1}`,
    port: 18_000,
    prefix: ['ip', 'netns', 'exec', name],
  }));
  const setLink = (place: number, state: 'up' | 'down') => {
    ip('link', 'set', `${names[place]}v`, state);
  };
  return {places, setLink, close};
}

function addNamespace(name: string, bridge: string, address: string): void {
  ip('netns', 'add', name);
  ip('link', 'add', `${name}v`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
  ip('link', 'set', `${name}v`, 'master', bridge, 'up');
  ip('-n', name, 'addr', 'add', address, 'dev', 'eth0');
  ip('-n', name, 'link', 'set', 'eth0', 'up');
  ip('-n', name, 'link', 'set', 'lo', 'up');
}

function ip(...args: string[]): void {
  execFileSync('ip', args, {stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8'});
}

/** For the end, when part of it may never have been made. */
function ipIfThere(...args: string[]): void {
  try {
    ip(...args);
  } catch {
    // Gone with the namespace that held it, or never made.
  }
}
