// Whoever does not know the join secret gets no further than its greeting, on every door.

import {type Clock, type Log, type NodeId, SeededRandom} from '@flotilla/base';
import fc from 'fast-check';
import {afterEach, describe, expect, test} from 'vitest';
import {NodeClock} from '../adapters/node-clock.ts';
import {Admission} from './admission.ts';
import {Greeting, SECRETS_DIFFER} from './greeting.ts';
import {identifyNode, requestJoin} from './join-client.ts';
import {JoinSecret, whyNoSecret} from './join-secret.ts';
import {NodeConnections} from './node-connections.ts';
import {NodeServer} from './node-server.ts';
import {createNodeClient, NODE_SERVICE} from './node-service.ts';

const ours = new JoinSecret('the secret of this cluster');
const theirs = new JoinSecret('the secret of another one');

/** Time that passes when told to. */
class HandClock implements Clock {
  #nowMs = 0;
  readonly #timers = new Set<{atMs: number; callback: () => void}>();

  monotonicMs = (): number => this.#nowMs;
  wallMs = (): number => this.#nowMs;
  defer = (callback: () => void): void => callback();

  setTimer(delayMs: number, callback: () => void) {
    const timer = {atMs: this.#nowMs + delayMs, callback};
    this.#timers.add(timer);
    return {cancel: () => void this.#timers.delete(timer)};
  }

  advance(ms: number): void {
    this.#nowMs += ms;
    for (const timer of this.#timers) {
      if (timer.atMs > this.#nowMs || !this.#timers.delete(timer)) continue;
      timer.callback();
    }
  }
}

describe('a greeting', () => {
  const pair = (dialer: JoinSecret, acceptor: JoinSecret, purpose = 'control') => {
    const one = new Greeting({secret: dialer, side: 'dialer', purpose: 'control'});
    const two = new Greeting({secret: acceptor, side: 'acceptor', purpose});
    expect(two.receive(one.opening())).toEqual({type: 'opened'});
    expect(one.receive(two.opening())).toEqual({type: 'opened'});
    return {one, two};
  };

  test('carries any body both ways between those who share a secret', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (there, back) => {
        const {one, two} = pair(ours, new JoinSecret(' the secret of this cluster\n'));
        const heard = two.receive(one.prove(there));
        expect(heard.type === 'proven' && Buffer.compare(heard.body, there)).toBe(0);
        const answered = one.receive(two.prove(back));
        expect(answered.type === 'proven' && Buffer.compare(answered.body, back)).toBe(0);
      }),
    );
  });

  test('refuses a proof of another secret, purpose, greeting or side, and a changed one', () => {
    const body = Buffer.from('hello');
    const wrong = {type: 'refused', reason: SECRETS_DIFFER, isWrongProof: true};
    const differing = pair(theirs, ours);
    expect(differing.two.receive(differing.one.prove(body))).toEqual(wrong);
    const elsewhere = pair(ours, ours, 'bulk');
    expect(elsewhere.two.receive(elsewhere.one.prove(body))).toEqual(wrong);
    const recorded = pair(ours, ours).one.prove(body);
    expect(pair(ours, ours).two.receive(recorded)).toEqual(wrong);
    const {one, two} = pair(ours, ours);
    expect(one.receive(one.prove(body))).toEqual(wrong);
    const proof = one.prove(body);
    fc.assert(
      fc.property(fc.nat(proof.length - 1), fc.integer({min: 1, max: 255}), (at, bits) => {
        const changed = Uint8Array.from(proof);
        changed[at]! ^= bits;
        expect(two.receive(changed)).toEqual(wrong);
      }),
    );
    expect(two.receive(proof.subarray(0, 10))).toEqual(wrong);
  });

  test('takes any first message without a throw', () => {
    const opening = new Greeting({secret: ours, side: 'dialer', purpose: 'control'}).opening();
    const bytes = fc.oneof(
      fc.uint8Array(),
      fc.json().map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(bytes, (message) => {
        const greeting = new Greeting({secret: ours, side: 'acceptor', purpose: 'control'});
        expect(greeting.receive(message).type).toBe('refused');
      }),
    );
    expect(opening.includes('secret')).toBe(false);
  });
});

test('what can be a secret', () => {
  expect(whyNoSecret('f'.repeat(64))).toBeUndefined();
  expect(whyNoSecret(' \n')).toMatch(/empty: make one with `openssl rand -hex 32 > secret`/);
  expect(whyNoSecret('short')).toMatch(/16 to 1024 characters, this one 5/);
  expect(whyNoSecret('x'.repeat(2_000))).toMatch(/this one 2000/);
});

describe('admission', () => {
  const setUp = (secret: JoinSecret | undefined) => {
    const clock = new HandClock();
    const lines: Record<string, unknown>[] = [];
    const log: Log = {info() {}, warn: (fields) => lines.push({...fields}), error() {}};
    return {clock, lines, admission: new Admission({secret, clock, log})};
  };

  test('without a secret nobody is let in, and it says how to change that', () => {
    const {admission, lines} = setUp(undefined);
    expect(admission.admit('10.0.0.9:4', 'control', () => {})).toMatch(
      /without a join secret .*openssl/,
    );
    expect(lines).toHaveLength(1);
  });

  test('wrong secrets from one address are bounded each second, other addresses are heard', () => {
    const {admission, clock} = setUp(ours);
    for (let i = 0; i < 10; i++) {
      const visit = admission.admit(`10.0.0.9:${i}`, 'control', () => {});
      if (typeof visit !== 'string') visit.ended(SECRETS_DIFFER, true);
    }
    expect(admission.admit('10.0.0.9:99', 'control', () => {})).toMatch(/too many wrong/);
    expect(admission.admit('10.0.0.8:1', 'control', () => {})).toBeTypeOf('object');
    clock.advance(1_001);
    expect(admission.admit('10.0.0.9:99', 'control', () => {})).toBeTypeOf('object');
  });

  test('greetings under way are bounded in number and time, lines of log in number', () => {
    const {admission, clock, lines} = setUp(ours);
    const closed: string[] = [];
    for (let i = 0; i < 600; i++) {
      const visit = admission.admit(`10.0.0.9:${i}`, 'control', (reason) => {
        closed.push(reason);
        if (typeof visit !== 'string') visit.ended(reason, false);
      });
    }
    expect(closed).toEqual(Array(88).fill('too many greetings are under way'));
    clock.advance(3_001);
    expect(closed.slice(88)).toEqual(Array(512).fill('no proof of the join secret'));
    expect(lines).toHaveLength(5);
    clock.advance(10_000);
    admission.admit('10.0.0.9:1', 'control', (reason) => lines.push({reason}));
    clock.advance(3_001);
    expect(lines.at(-1)).toEqual({reason: 'no proof of the join secret'});
  });
});

describe('over sockets', () => {
  const clock = new NodeClock();
  const cleanups: (() => void)[] = [];
  afterEach(() => {
    for (const cleanup of cleanups.splice(0).reverse()) cleanup();
  });

  async function startNode(id: number, secret: JoinSecret | undefined) {
    const told: string[] = [];
    const tell = (fields: object, message: string) =>
      told.push(`${message}: ${String((fields as {reason?: string}).reason)}`);
    const log: Log = {info() {}, warn: tell, error: tell};
    let asked = 0;
    const count = async () => ++asked;
    const server = new NodeServer({log, clock, secret, identify: count, join: count});
    const port = await server.listen('127.0.0.1', 0);
    const self = {cluster: 'c', node: id as NodeId, bootEpoch: 1};
    const connections = new NodeConnections({
      self,
      secret: secret ?? JoinSecret.random(),
      server,
      clock,
      random: new SeededRandom(id),
      log,
    });
    cleanups.push(() => {
      connections.close();
      server.close();
    });
    const address = `127.0.0.1:${port - 1}`;
    return {id: id as NodeId, port, address, connections, told, asked: () => asked};
  }

  test('nodes of different secrets do not connect, and both say why', async () => {
    const [one, two] = [await startNode(1, theirs), await startNode(2, ours)];
    one.connections.setNodes([two]);
    await expect.poll(() => one.told.join('\n')).toContain(SECRETS_DIFFER);
    expect(two.told.join('\n')).toContain(`refused a connection: ${SECRETS_DIFFER}`);
    expect(one.connections.isConnected(two.id)).toBe(false);
    expect(two.connections.isConnected(one.id)).toBe(false);
  });

  test.each([
    ['another secret', theirs, ours, SECRETS_DIFFER],
    ['a node without one', ours, undefined, /started without a join secret/],
  ])('no question is answered: %s', async (_, secret, own, reason) => {
    const {address, asked, told} = await startNode(2, own);
    const options = {clock, secret, timeoutMs: 5_000};
    for (const answer of [
      identifyNode(address, {}, options),
      requestJoin(address, {address: 'here'}, options),
    ]) {
      await expect(answer).rejects.toMatchObject({
        code: 'UNAUTHENTICATED',
        message:
          typeof reason === 'string'
            ? expect.stringContaining(reason)
            : expect.stringMatching(reason),
      });
    }
    expect(asked()).toBe(0);
    expect(told.length).toBeGreaterThan(0);
  });

  test('a stranger hears nothing at any door and is cut off', async () => {
    const {address} = await startNode(2, ours);
    const doors = ['control', 'bulk', 'identify', 'join'] as const;
    await Promise.all(
      doors.map(async (door) => {
        const client = createNodeClient(address, undefined);
        cleanups.push(() => client.close());
        const {path, requestSerialize, responseDeserialize} = NODE_SERVICE[door];
        const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
        const heard: string[] = [];
        let end = '';
        stream.on('data', (message: Buffer) => heard.push(message.toString('utf8')));
        stream.on('error', (error) => {
          end = error.message;
        });
        stream.write(new Greeting({secret: theirs, side: 'dialer', purpose: door}).opening());
        await expect.poll(() => end, {timeout: 10_000}).toMatch(/no proof of the join secret/);
        expect(heard).toHaveLength(1);
        expect(JSON.parse(heard[0]!)).toEqual({protocol: 2, nonce: expect.any(String)});
      }),
    );
  }, 15_000);
});
