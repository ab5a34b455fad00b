import {expect, test} from 'vitest';
import {RaftLab} from './lab/index.ts';
import type {Message} from './message.ts';

test('an answer to a round begun before the read confirms nothing', () => {
  const lab = new RaftLab();
  lab.addNodes(3, {voters: [1, 2, 3], index: 5, term: 5});
  lab.campaign(1);
  lab.stabilize();
  lab.takeEvents(1);
  // A round without a read: its answers are on their way when the read comes.
  lab.tick(1);
  lab.process(1);
  lab.deliver({type: 'heartbeat'});
  for (const id of [2, 3]) lab.process(id);
  const early = lab.deliver({type: 'heartbeatReply', drop: true});
  expect(early.length).toBe(2);
  lab.readIndex(1);
  lab.process(1);
  const deliver = (messages: readonly Message[]) => {
    for (const message of messages) lab.replica(1).receive(message);
    lab.process(1);
    return lab.takeEvents(1).reads.length;
  };
  expect(deliver(early)).toBe(0);
  lab.deliver({type: 'heartbeat'});
  lab.process(2);
  const [answer] = lab.deliver({type: 'heartbeatReply', drop: true});
  // Nor does one of an earlier term, whatever it says.
  expect(deliver([{...answer!, term: 5}])).toBe(0);
  expect(deliver([answer!])).toBe(1);
});
