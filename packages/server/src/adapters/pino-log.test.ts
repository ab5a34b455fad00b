import {expect, test} from 'vitest';
import {createPinoLog} from './pino-log.ts';

function capture(plain: boolean) {
  const lines: string[] = [];
  const log = createPinoLog({
    plain,
    fields: {thread: 2},
    stream: {write: (line) => lines.push(line)},
  });
  return {log, lines};
}

test('a line is JSON with level, time, fields and message', () => {
  const {log, lines} = capture(false);
  log.child({component: 'disk'}).warn({error: new Error('gone')}, 'cannot read');
  const parsed = JSON.parse(lines[0]!);
  expect(parsed).toMatchObject({level: 'warn', thread: 2, component: 'disk', msg: 'cannot read'});
  expect(parsed.error.message).toBe('gone');
  expect(Date.parse(parsed.time)).toBeGreaterThan(0);
});

test('a plain error is its message, with its stack where something broke', () => {
  const {log, lines} = capture(true);
  log.warn({error: new Error('not yet')}, 'refused');
  expect(lines[0]).toMatch(/ WARN {2}refused thread=2 error="not yet"\n$/);
  log.error({err: new Error('gone')}, 'cannot read');
  expect(lines[1]).toMatch(/ ERROR cannot read thread=2 err=gone\nError: gone\n {4}at .*\n$/s);
});

test('a plain line is for a person', () => {
  const {log, lines} = capture(true);
  log.info({node: 3, place: 'a b'}, 'joined');
  expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} INFO {2}joined thread=2 node=3 place="a b"\n$/);
});
