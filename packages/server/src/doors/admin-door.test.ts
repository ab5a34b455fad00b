import {describe, expect, test} from 'vitest';
import {AdminDoor, type AdminDoorOptions} from './admin-door.ts';
import {hashOfToken, whyNoToken} from './token-hash.ts';

const FIRST = 'the-first-token-of-this-cluster-here';
const door = (options: Partial<AdminDoorOptions>) =>
  new AdminDoor({tokens: () => [], firstHash: undefined, isClosedWithoutTokens: false, ...options});
const named = (...names: string[]) => {
  const tokens = names.map((name) => ({name, hash: hashOfToken(`${name}-token`)}));
  return {tokens: () => tokens};
};

const unknownTokens = (): undefined => undefined;
const UNKNOWN = {type: 'stranger', code: 'UNAVAILABLE'};

describe('who asks', () => {
  test.each([
    ['anyone where there is no token', {}, undefined, {type: 'anyone'}],
    [
      'nobody beyond loopback before there is one',
      {isClosedWithoutTokens: true},
      undefined,
      {type: 'stranger', code: 'FORBIDDEN'},
    ],
    ['nobody while the catalog is not known', {tokens: unknownTokens}, undefined, UNKNOWN],
    [
      'nobody by the first then, which may be none any more',
      {tokens: unknownTokens, firstHash: hashOfToken(FIRST)},
      `Bearer ${FIRST}`,
      UNKNOWN,
    ],
    [
      'who holds the first, before the catalog has it',
      {firstHash: hashOfToken(FIRST), isClosedWithoutTokens: true},
      `Bearer ${FIRST}`,
      {type: 'administrator', name: 'admin'},
    ],
    [
      'no more once the catalog has others',
      {firstHash: hashOfToken(FIRST), ...named('ann')},
      `Bearer ${FIRST}`,
      {type: 'stranger', code: 'UNAUTHENTICATED'},
    ],
    ['ann', named('ann', 'bob'), 'Bearer ann-token', {type: 'administrator', name: 'ann'}],
    ['bob', named('ann', 'bob'), 'token bob-token', {type: 'administrator', name: 'bob'}],
    ['without one', named('ann'), undefined, {type: 'stranger', code: 'UNAUTHENTICATED'}],
    ['with half of one', named('ann'), 'Bearer ann', {type: 'stranger', code: 'UNAUTHENTICATED'}],
    ['by a password', named('ann'), 'Basic YW5u', {type: 'stranger', code: 'UNAUTHENTICATED'}],
  ] as const)('%s', (_, options, header, caller) => {
    expect(door(options).callerOf(header)).toMatchObject(caller);
  });

  test('a stranger is told what to do', () => {
    for (const header of [undefined, 'Bearer x'])
      expect(door(named('ann')).callerOf(header)).toMatchObject({
        message: expect.stringMatching(/Authorization: Bearer.*--token-file/),
      });
  });
});

test.each([
  ['short', /32 to 1024 characters, this one 5.*openssl rand/],
  [`${FIRST} ${FIRST}`, /one word/],
  ['', /this one 0/],
  [`\n ${FIRST}\n`, undefined],
])('the file of a token: %j', (text, fault) => {
  if (fault === undefined) expect(whyNoToken(text)).toBeUndefined();
  else expect(whyNoToken(text)).toMatch(fault);
});
