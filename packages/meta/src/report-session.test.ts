import type {ReplicaId, ReplicaSetId} from '@flotilla/base';
import type {ReplicaReport} from '@flotilla/catalog';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {become} from './fakes.fixture.ts';
import {ReportBook} from './report-book.ts';
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
    fate: fc.constantFrom(
      'taken',
      'taken-unsettled',
      'lost',
      'unasked',
      'new-sender',
      'new-receiver',
    ),
  });
  fc.assert(
    fc.property(fc.array(round), (rounds) => {
      let sender = new ReportSender();
      let book = new ReportBook();
      let receiver = new ReportReceiver();
      let session = 0;
      for (const {replicas, fate} of rounds) {
        if (fate === 'new-sender') {
          sender = new ReportSender();
          book = new ReportBook();
        }
        if (fate === 'new-receiver') {
          receiver = new ReportReceiver();
          session++;
        }
        const now = replicas.map(({replica, index}) => {
          const role = index === 0 ? ('leader' as const) : ('follower' as const);
          return {...report(replica, index), role};
        });
        const request = {session: `s${session}`, acknowledged: receiver.acknowledged};
        become(book, now);
        if (fate === 'unasked') continue;
        const answer = sender.answer(request, book);
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
  const book = new ReportBook();
  const ask = (reports: ReplicaReport[]) => {
    become(book, reports);
    const answer = sender.answer({session: 's', acknowledged: receiver.acknowledged}, book);
    receiver.take(answer, 0);
    return answer;
  };
  expect(ask([report(1, 1), report(2, 1)]).changed).toHaveLength(2);
  expect(ask([report(1, 1), report(2, 2)]).changed.map(({replica}) => replica)).toEqual([2]);
  expect(ask([report(2, 2)])).toMatchObject({changed: [], removed: [1], full: false});
  // It became other and then what it was, between two reports.
  become(book, [report(2, 3), report(3, 1)]);
  expect(ask([report(2, 2)])).toMatchObject({changed: [], removed: [], full: false});
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

test('a report looks into what changed since the one before, and into nothing else', () => {
  const sender = new ReportSender();
  const receiver = new ReportReceiver();
  const book = new ReportBook();
  let looks = 0;
  const counted = (replica: number, appliedIndex: number) =>
    new Proxy(report(replica, appliedIndex), {
      get: (all, key) => {
        looks += 1;
        return Reflect.get(all, key);
      },
    });
  for (let replica = 1; replica <= 1_000; replica++) book.put(counted(replica, 5));
  for (const session of ['a', 'b']) {
    const ask = () => sender.answer({session, acknowledged: receiver.acknowledged}, book);
    receiver.take(ask(), 0);
    looks = 0;
    const quiet = ask();
    expect(quiet).toMatchObject({full: false, changed: [], removed: []});
    expect(looks).toBe(0);
    receiver.take(quiet, 0);
    book.put(counted(7, session === 'a' ? 6 : 7));
    const one = ask();
    expect(one.changed.map(({replica}) => replica)).toEqual([7]);
    // Its fields, of before and of now.
    expect(looks).toBeLessThan(100);
    // The answer was lost: who did not hear is told all.
    const again = ask();
    expect([again.full, again.changed.length]).toEqual([true, 1_000]);
  }
});
