import {describe, expect, it} from 'vitest';
import {actsOf} from './audit-log.ts';

const line = (fields: object): string =>
  JSON.stringify({who: 'ann', what: 'node-drain', ...fields});

describe('the acts of an audit log', () => {
  it('are one line each, in the order in which they began', () => {
    const acts = actsOf([
      line({at: '1', act: 'a-1', how: {id: 3}, result: 'begun'}),
      line({at: '2', act: 'a-2', how: {id: 4}, result: 'begun'}),
      line({at: '3', who: 'stranger', result: 'UNAUTHENTICATED'}),
      line({at: '4', act: 'a-2', how: {id: 4}, result: 'CONFLICT'}),
      line({at: '5', act: 'a-1', how: {id: 3}, result: 'ok'}),
    ]);
    expect(acts.map(({at, endedAt, result}) => [at, endedAt, result])).toEqual([
      ['1', '5', 'ok'],
      ['2', '4', 'CONFLICT'],
      ['3', undefined, 'UNAUTHENTICATED'],
    ]);
  });

  it('are begun where no end is told, and ended where the beginning was put aside', () => {
    const acts = actsOf([
      line({at: '1', act: 'a-1', result: 'ok'}),
      line({at: '2', act: 'a-2', result: 'begun'}),
      // Of an older build.
      line({at: '3', result: 'ok'}),
    ]);
    expect(acts.map(({result}) => result)).toEqual(['ok', 'begun', 'ok']);
  });

  it('are refused where the file is another', () => {
    expect(() => actsOf(['{"a":1}'])).toThrow('this is no line of an audit log: {"a":1}');
    expect(() => actsOf(['flotilla'])).toThrow('this is no line of an audit log');
  });
});
