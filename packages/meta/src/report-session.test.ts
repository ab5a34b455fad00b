import type {ReplicaId, ReplicaSetId} from '@flotilla/base';
import type {ReplicaReport} from '@flotilla/catalog';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {ReportReceiver, ReportSender} from './report-session.ts';

function report(replica: number, appliedIndex: number): ReplicaReport {
  return {
    set: 1 as ReplicaSetId,
    replica: replica as ReplicaId,
    role: 'follower',
    term: 5,
    appliedIndex,
    lastIndex: appliedIndex,
    configIndex: 5,
    configuration: {
      voters: [1],
      votersOutgoing: [],
      learners: [],
      learnersNext: [],
      autoLeave: false,
    },
    durable: true,
    written: false,
  };
}

test('the receiver has what the sender reports, whatever answers are lost and whoever restarts', () => {
  const round = fc.record({
    replicas: fc.uniqueArray(fc.record({replica: fc.nat(5), index: fc.nat(3)}), {
      selector: ({replica}) => replica,
    }),
    fate: fc.constantFrom('taken', 'taken-unsettled', 'lost', 'new-sender', 'new-receiver'),
  });
  fc.assert(
    fc.property(fc.array(round), (rounds) => {
      let sender = new ReportSender();
      let receiver = new ReportReceiver();
      let session = 0;
      for (const {replicas, fate} of rounds) {
        if (fate === 'new-sender') sender = new ReportSender();
        if (fate === 'new-receiver') {
          receiver = new ReportReceiver();
          session++;
        }
        const now = replicas.map(({replica, index}) => {
          const role = index === 0 ? ('leader' as const) : ('follower' as const);
          return {...report(replica, index), role};
        });
        const request = {session: `s${session}`, acknowledged: receiver.acknowledged};
        const answer = sender.answer(request, now);
        if (fate === 'lost') continue;
        receiver.take(answer, 0);
        if (fate === 'taken-unsettled') continue;
        receiver.settle();
        expect(new Map(receiver.replicas)).toEqual(new Map(now.map((one) => [one.replica, one])));
        expect(receiver.leads).toBe(now.filter(({role}) => role === 'leader').length);
      }
    }),
  );
});

test('what did not change is not sent again', () => {
  const sender = new ReportSender();
  const receiver = new ReportReceiver();
  const ask = (reports: ReplicaReport[]) => {
    const answer = sender.answer({session: 's', acknowledged: receiver.acknowledged}, reports);
    receiver.take(answer, 0);
    return answer;
  };
  expect(ask([report(1, 1), report(2, 1)]).changed).toHaveLength(2);
  expect(ask([report(1, 1), report(2, 2)]).changed.map(({replica}) => replica)).toEqual([2]);
  expect(ask([report(2, 2)])).toMatchObject({changed: [], removed: [1], full: false});
});

test('what is reported later changes nothing before it is settled', () => {
  const receiver = new ReportReceiver();
  const told: number[] = [];
  const settle = () => receiver.settle(({replica}) => told.push(replica));
  expect(receiver.isKnown).toBe(false);
  receiver.take({sequence: 1, full: true, changed: [report(1, 1)], removed: []}, 0);
  settle();
  const {replicas} = receiver;
  expect(receiver.isKnown).toBe(true);
  receiver.take({sequence: 2, full: false, changed: [report(2, 1)], removed: [1 as ReplicaId]}, 0);
  expect([...replicas.keys()]).toEqual([1]);
  settle();
  // What changed is told, and costs no other map.
  expect(receiver.replicas).toBe(replicas);
  expect([...replicas.keys()]).toEqual([2]);
  expect(told.sort()).toEqual([1, 2]);
  receiver.take({sequence: 3, full: false, changed: [report(3, 1)], removed: []}, 0);
  receiver.take({sequence: 4, full: true, changed: [], removed: []}, 0);
  settle();
  expect(told).toHaveLength(2);
  expect([...receiver.replicas.keys()]).toEqual([]);
  expect([...replicas.keys()], 'a whole report is another map').toEqual([2]);
});

test('reports that are the same object as before are not looked into', () => {
  const sender = new ReportSender();
  const receiver = new ReportReceiver();
  let looks = 0;
  const reports = new Proxy([report(1, 5), report(2, 5)], {
    get: (all, key) => {
      looks += 1;
      return Reflect.get(all, key);
    },
  });
  for (const session of ['a', 'b']) {
    const ask = () => sender.answer({session, acknowledged: receiver.acknowledged}, reports);
    receiver.take(ask(), 0);
    expect(looks).toBeGreaterThan(0);
    looks = 0;
    expect(ask()).toMatchObject({full: false, changed: [], removed: []});
    expect(looks).toBe(0);
    // The answer was lost: who did not hear is told all.
    expect(ask()).toMatchObject({full: true, changed: [{replica: 1}, {replica: 2}]});
    looks = 0;
  }
});
