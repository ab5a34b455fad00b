import {describe, expect, test} from 'vitest';
import {
  checkFounder,
  isInsecure,
  isLoopback,
  parseNodeOptions,
  planSettings,
  snapshotShare,
  splitAddress,
} from './node-options.ts';

const LEAST = {dataDirectory: '/var/lib/flotilla', listen: '127.0.0.1:8902'};

test('the least that a node needs, and its defaults', () => {
  expect(parseNodeOptions(LEAST)).toEqual({
    ...LEAST,
    bootstrap: false,
    timing: 'local',
    autoCreateDatabase: false,
    snapshotBytesPerSecond: 64 * 2 ** 20,
    insecure: false,
    tlsAnyClient: false,
    log: 'pretty',
  });
});

test('what a person says of repairs, moves and the trash', () => {
  const moves = {movesPerCluster: 3, movesPerNode: 1};
  const said = {repairAfter: '1h30m', trashRetention: '7d', snapshotBytesPerSecond: 2 ** 21};
  const options = parseNodeOptions({...LEAST, ...said, ...moves});
  expect(options).toMatchObject({snapshotBytesPerSecond: 2 ** 21});
  expect(planSettings(options)).toEqual({
    ...{repairAfterMs: 5_400_000, movesPerClusterMax: 3},
    ...{movesPerNodeMax: 1, trashRetentionMs: 604_800_000},
  });
  // The planner's own, then.
  const none = Object.values(planSettings(parseNodeOptions(LEAST)));
  expect(none.filter((value) => value !== undefined)).toEqual([]);
  expect(snapshotShare({snapshotBytesPerSecond: 2 ** 24}, 4)).toBe(2 ** 22);
  expect(snapshotShare({snapshotBytesPerSecond: 2 ** 20}, 4), 'too little to share').toBe(2 ** 20);
});

test.each([
  [{dataDirectory: ''}, 'dataDirectory'],
  [{listen: '8902'}, 'listen'],
  [{listen: '127.0.0.1:65535'}, 'gRPC takes the next one'],
  [{join: ['10.0.0.1:8902', '10.0.0.2']}, 'join.1'],
  [{engineThreads: -1}, 'engineThreads'],
  [{engineThreads: 1.5}, 'engineThreads'],
  [{zone: ''}, 'zone'],
  [{repairAfter: 'soon'}, '--repair-after: "soon" is no duration'],
  [{repairAfter: '10ms'}, '--repair-after: want 1s to 30d; have 10ms'],
  [{movesPerCluster: 0}, '--moves-per-cluster: want 1 to 1000; have 0'],
  [{movesPerNode: 101}, '--moves-per-node: want 1 to 100; have 101'],
  [{movesPerNode: 1.5}, '--moves-per-node: want 1 to 100; have 1.5'],
  [{trashRetention: '30m'}, '--trash-retention: want 1h to 3650d; have 30m'],
  [{trashRetention: '3651d'}, '--trash-retention: want 1h to 3650d; have 3651d'],
  [{trashRetention: 'ever'}, '--trash-retention: "ever" is no duration'],
  [{snapshotBytesPerSecond: 1_000}, '--snapshot-rate: want 1MiB to 16384MiB; have 1000 bytes'],
  [{timing: 'far' as 'wan'}, 'timing'],
  [{bootstrap: true}, '--bootstrap needs the join secret of its cluster: make one with `openssl'],
  [{join: ['10.0.0.1:8902']}, '--join-secret-file'],
  [{joinSecret: ' \n'}, 'the join secret is empty'],
  [{adminToken: 'tooshort'}, '32 to 1024 characters, this one 8'],
  [{listen: '10.0.0.1:8902'}, 'beyond loopback (10.0.0.1:8902) needs TLS'],
  [{listen: '0.0.0.0:8902'}, '--tls-cert, --tls-key and --tls-ca, or say --insecure'],
  [{joinSecret: 'too short'}, '16 to 1024 characters, this one 9'],
])('%j is refused by name', (change, named) => {
  expect(() => parseNodeOptions({...LEAST, ...change})).toThrow(
    expect.objectContaining({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(named),
    }),
  );
});

describe('beyond loopback', () => {
  const tls = {cert: 'a', key: 'b', ca: 'c'};
  const founder = {listen: '10.0.0.1:8902', bootstrap: true, joinSecret: 'x'.repeat(16)};
  const check = (options: object) => () => checkFounder(parseNodeOptions({...LEAST, ...options}));

  test('a founder needs a token', () => {
    expect(check({...founder, tls})).toThrow(/first admin token.*--admin-token-file.*--insecure/);
    expect(check({...founder, tls, adminToken: 'x'.repeat(32)})).not.toThrow();
    expect(check({...founder, insecure: true})).not.toThrow();
    expect(check({...founder, tls, bootstrap: false})).not.toThrow();
    expect(check({bootstrap: true, joinSecret: 'x'.repeat(16)})).not.toThrow();
  });

  test('insecure is who was told so and can be reached', () => {
    expect(isInsecure({listen: '10.0.0.1:8902', insecure: true})).toBe(true);
    expect(isInsecure({listen: '10.0.0.1:8902', insecure: false})).toBe(false);
    expect(isInsecure({listen: '127.0.0.1:8902', insecure: true})).toBe(false);
  });
});

describe('addresses', () => {
  test.each([
    ['127.0.0.1:8902', '127.0.0.1', 8902, true],
    ['127.1.2.3:1', '127.1.2.3', 1, true],
    ['localhost:8902', 'localhost', 8902, true],
    ['[::1]:8902', '::1', 8902, true],
    ['10.0.0.1:8902', '10.0.0.1', 8902, false],
    ['0.0.0.0:8902', '0.0.0.0', 8902, false],
    ['[fe80::1]:8902', 'fe80::1', 8902, false],
    ['node-1.example:8902', 'node-1.example', 8902, false],
  ])('%s', (address, host, port, loopback) => {
    expect(splitAddress(address)).toEqual({host, port});
    expect(isLoopback(host)).toBe(loopback);
  });
});
