// A database that is dropped and recovered again and again: what was acknowledged in it must be there
// at the end, whichever drop or recovery was the last to be carried out.

import type {FlotillaClient} from '@flotilla/client';

const NAME = 'spare';
const TABLE = 'kept';
const ROWS = 20;
const START_S = 1_600_000_000;
const QUERY_MS_MAX = 60_000;

export class SpareDatabase {
  readonly #client: FlotillaClient;
  readonly #acknowledged: number[] = [];
  #sent = 0;

  constructor(client: FlotillaClient) {
    this.#client = client;
  }

  /** Recovers it where it is dropped; else writes to it and drops it. Rejects where the cluster refuses. */
  async turn(): Promise<void> {
    const {admin} = this.#client;
    if (!(await this.#isThere())) await this.#bringBack();
    else {
      await this.#write();
      await admin.dropDatabase(NAME);
    }
  }

  /** Out of the trash, for good. */
  async settle(): Promise<void> {
    if (this.#acknowledged.length > 0 && !(await this.#isThere())) await this.#bringBack();
  }

  /** How many acknowledged rows it lacks. Requires that it is settled. */
  async lost(): Promise<number> {
    if (this.#acknowledged.length === 0) return 0;
    const options = {database: NAME, timeoutMs: QUERY_MS_MAX};
    const rows = await this.#client.query(`SELECT n FROM ${TABLE}`, options);
    const there = new Set(rows.map(({n}) => Number(n)));
    return this.#acknowledged.filter((n) => !there.has(n)).length;
  }

  async #isThere(): Promise<boolean> {
    const databases = await this.#client.admin.databases();
    return databases.some(({name}) => name === NAME);
  }

  /** An order whose outcome nobody told may have been carried out: there is one database of the name at most. */
  async #bringBack(): Promise<void> {
    const {admin} = this.#client;
    if (this.#sent === 0) await admin.createDatabase({name: NAME, shards: 1, replicas: 3});
    else await admin.recoverDatabase(NAME);
  }

  async #write(): Promise<void> {
    const first = this.#sent;
    this.#sent += ROWS;
    const numbers = Array.from({length: ROWS}, (_, i) => first + i);
    const lines = numbers.map((n) => `${TABLE},host=h${n % 7} n=${n}i ${START_S + n}000000000`);
    await this.#client.write(lines.join('\n'), {database: NAME});
    this.#acknowledged.push(...numbers);
  }
}
