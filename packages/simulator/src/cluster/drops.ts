// All that is dropped or expires under the clients, and the nodes that do not hear of it in time.

import {chanceOf} from '../kernel/chance.ts';
import type {ClientPorts, Clients} from './clients.ts';
import {Databases} from './databases.ts';
import {DropFences} from './drop-fences.ts';
import {Erasures} from './erasures.ts';
import {Expiry} from './expiry.ts';
import {newestCatalog} from './rest.ts';
import {SetDestructions} from './set-destructions.ts';
import {StaleCatalogs} from './stale-catalogs.ts';
import {TableDrops} from './table-drops.ts';

export interface DropPorts extends Pick<ClientPorts, 'kernel' | 'nodes' | 'ground' | 'coverage'> {
  readonly seed: number;
  readonly clients: Clients;
  readonly fail: (law: string, message: string) => void;
}

export class Drops {
  readonly erasures: Erasures;
  readonly databases: Databases;
  readonly #nodes: DropPorts['nodes'];
  readonly #fences: DropFences;
  readonly #tables: TableDrops;
  readonly #stale: StaleCatalogs;
  readonly #expiry: Expiry;
  readonly #sets: SetDestructions;

  constructor({seed, ...ports}: DropPorts) {
    const chance = (name: string) => chanceOf(seed, name);
    this.#nodes = ports.nodes;
    this.erasures = new Erasures(ports.kernel);
    this.#fences = new DropFences({...ports, chance: chance('fences')});
    const dropping = {...ports, erasures: this.erasures, fences: this.#fences};
    this.#tables = new TableDrops({...dropping, chance: chance('drops')});
    this.databases = new Databases({...dropping, chance: chance('databases')});
    const statements = {drops: this.#tables, databases: this.databases};
    this.#sets = new SetDestructions({...dropping, chance: chance('destructions')});
    this.#expiry = new Expiry({...ports, chance: chance('expiry')});
    this.#stale = new StaleCatalogs({...ports, ...statements, chance: chance('stale catalogs')});
  }

  start(): void {
    this.#tables.start();
    this.databases.start();
    this.#stale.start();
    this.#expiry.start();
    this.#sets.start();
  }

  stop(): void {
    this.#tables.isStopped = true;
    this.databases.isStopped = true;
    this.#stale.isStopped = true;
    this.#expiry.stop();
    this.#sets.isStopped = true;
  }

  /** One step towards rest; what keeps from it. */
  settle(): string[] {
    this.#stale.release();
    const catalog = newestCatalog(this.#nodes);
    const databases = [...this.databases.settle(catalog), ...this.#expiry.settle(catalog)];
    return [...this.#fences.unrest(), ...databases, ...this.#sets.unrest()];
  }
}
