// The part of better-sqlite3 13 that the adapters use; the package ships no types of its own.

declare module 'better-sqlite3' {
  interface Statement {
    run(...values: (string | number | Uint8Array)[]): {changes: number};
    all(...values: (string | number | Uint8Array)[]): unknown[];
  }

  class Database {
    constructor(path: string, options?: {timeout?: number; readonly?: boolean});
    prepare(sql: string): Statement;
    exec(sql: string): this;
    readonly inTransaction: boolean;
    pragma(source: string, options?: {simple?: boolean}): unknown;
    close(): this;
  }

  namespace Database {
    export {Database, Statement};
  }

  export default Database;
}
