import type {NodeId} from '@flotilla/base';
import {ByteWriter, startGroupsFrame, writeItem} from '@flotilla/wire';
import {expect, test} from 'vitest';
import {TestCluster} from './cluster.fixture.ts';
import {encodeLeaderTerm} from './notices.ts';

test('a leader is forgotten by its word of this term, not of an earlier one', async () => {
  const cluster = new TestCluster();
  await cluster.startAll();
  await cluster.found(1);
  await cluster.write(1, 'a');
  const node = cluster.leader(1);
  const follower = node === 1 ? 2 : 1;
  await cluster.clock.advance(200);
  const {term, leader} = cluster.status(follower, 1)!;
  const tell = (ofTerm: number) => {
    const writer = new ByteWriter(64);
    startGroupsFrame(writer, 0);
    const payload = encodeLeaderTerm({leader: leader!.replica, term: ofTerm});
    writeItem(writer, {kind: 'notLeading', set: 1, payload});
    cluster.host(follower).receive(node as NodeId, 'control', writer.finish());
  };
  tell(term - 1);
  expect(cluster.status(follower, 1)!.leader).toEqual(leader);
  tell(term);
  expect(cluster.status(follower, 1)!.leader).toBeUndefined();
});
