import {expect, test} from 'vitest';
import {AuditPort} from './audit-port.ts';
import type {FromEngine} from './messages.ts';

test('an act waits for the main thread to have it on disk, each for its own answer', async () => {
  const sent: FromEngine[] = [];
  const port = new AuditPort((message) => sent.push(message));
  const intent = {who: 'ann', what: 'drop-tenant', how: 'DROP TENANT a'};
  const [first, second] = [port.begin(intent), port.begin({...intent, who: 'bob'})];
  expect(sent).toMatchObject([
    {type: 'audit-begin', intent},
    {type: 'audit-begin', intent: {who: 'bob'}},
  ]);
  const asked = sent.map((message) => (message as {asked: number}).asked);
  port.begun(asked[1]!, 'b');
  port.begun(asked[0]!, 'a');
  expect(await Promise.all([first, second])).toEqual(['a', 'b']);
  port.add({...intent, act: 'a', result: 'ok'});
  expect(sent.at(-1)).toEqual({type: 'audit', entry: {...intent, act: 'a', result: 'ok'}});
});
