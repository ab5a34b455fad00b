import {describe, expect, test} from 'vitest';
import {
  checkFounder,
  isInsecure,
  isLoopback,
  parseNodeOptions,
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

test('what a person says of repairs', () => {
  const said = {repairAfter: '1h30m', snapshotBytesPerSecond: 2 ** 21};
  expect(parseNodeOptions({...LEAST, ...said})).toMatchObject({...said, repairAfter: 5_400_000});
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
  [{snapshotBytesPerSecond: 1_000}, 'snapshotBytesPerSecond: 1000 is under 1048576'],
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
