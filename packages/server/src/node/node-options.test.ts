import {describe, expect, test} from 'vitest';
import {isLoopback, parseNodeOptions, splitAddress} from './node-options.ts';

const LEAST = {dataDirectory: '/var/lib/flotilla', listen: '127.0.0.1:8902'};

test('the least that a node needs, and its defaults', () => {
  expect(parseNodeOptions(LEAST)).toEqual({
    ...LEAST,
    bootstrap: false,
    timing: 'local',
    autoCreateDatabase: false,
    log: 'pretty',
  });
});

test.each([
  [{dataDirectory: ''}, 'dataDirectory'],
  [{listen: '8902'}, 'listen'],
  [{listen: '127.0.0.1:65535'}, 'gRPC takes the next one'],
  [{join: ['10.0.0.1:8902', '10.0.0.2']}, 'join.1'],
  [{engineThreads: -1}, 'engineThreads'],
  [{engineThreads: 1.5}, 'engineThreads'],
  [{zone: ''}, 'zone'],
  [{timing: 'far' as 'wan'}, 'timing'],
  [{bootstrap: true}, '--bootstrap needs the join secret of its cluster: make one with `openssl'],
  [{join: ['10.0.0.1:8902']}, '--join-secret-file'],
  [{joinSecret: ' \n'}, 'the join secret is empty'],
  [{joinSecret: 'too short'}, '16 to 1024 characters, this one 9'],
])('%j is refused by name', (change, named) => {
  expect(() => parseNodeOptions({...LEAST, ...change})).toThrow(
    expect.objectContaining({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(named),
    }),
  );
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
