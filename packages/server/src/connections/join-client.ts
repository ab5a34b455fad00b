// Questions to a node that this one has no connection with, and may share no cluster with. Each opens
// a connection of its own and closes it.

import {type Clock, DbError, fromWireError, LIMITS} from '@flotilla/base';
import {type Client, type ServiceError, status} from '@grpc/grpc-js';
import type {TlsSource} from '../adapters/index.ts';
import {Greeting} from './greeting.ts';
import type {JoinSecret} from './join-secret.ts';
import type {Answered} from './node-server.ts';
import {createNodeClient, grpcAddress, NODE_SERVICE} from './node-service.ts';

export interface AskOptions {
  readonly clock: Clock;
  readonly secret: JoinSecret;
  /** Undefined: between these nodes nothing is encrypted. */
  readonly tls?: TlsSource | undefined;
  /** Of silence, before the answer and between two pieces of it. */
  readonly timeoutMs: number;
  /** Of a join, instead of `join_answer_bytes_max`. */
  readonly answerBytesMax?: number | undefined;
}

/**
 * Asks the node at an HTTP address who it is. UNAVAILABLE if nobody answers there in time,
 * UNAUTHENTICATED if one of the two does not know the other's join secret.
 */
export function identifyNode(
  address: string,
  request: unknown,
  options: AskOptions,
): Promise<unknown> {
  return ask(address, 'identify', request, options);
}

/** Asks the node at an HTTP address to take this one into its cluster. */
export function requestJoin(
  address: string,
  request: unknown,
  options: AskOptions,
): Promise<unknown> {
  return ask(address, 'join', request, options);
}

async function ask(
  address: string,
  question: 'identify' | 'join',
  request: unknown,
  options: AskOptions,
): Promise<unknown> {
  const client = createNodeClient(address, options.tls);
  const place = grpcAddress(address);
  try {
    const bytes = Buffer.from(JSON.stringify(request));
    const answered = JSON.parse(String(await send(client, question, bytes, options))) as Answered;
    if ('error' in answered) throw fromWireError(answered.error);
    return answered.result;
  } catch (error) {
    if (error instanceof DbError) throw error;
    const {code, details} = error as Partial<ServiceError>;
    if (code === status.FAILED_PRECONDITION)
      throw new DbError(
        'UNAUTHENTICATED',
        `node at ${place} refuses: ${details}`,
        {address},
        error,
      );
    const reason = error instanceof Error ? error.message : String(error);
    const message = `node at ${place} does not answer: ${reason}`;
    throw new DbError('UNAVAILABLE', message, {address}, error);
  } finally {
    client.close();
  }
}

function send(
  client: Client,
  question: 'identify' | 'join',
  bytes: Buffer,
  options: AskOptions,
): Promise<Buffer> {
  const {clock, secret, timeoutMs, answerBytesMax = LIMITS.join_answer_bytes_max.value} = options;
  // Who it is takes a node a few words.
  const bytesMax = question === 'join' ? answerBytesMax : LIMITS.fragment_bytes_max.value;
  const {path, requestSerialize, responseDeserialize} = NODE_SERVICE[question];
  const greeting = new Greeting({secret, side: 'dialer', purpose: question});
  const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
  const silence = () => clock.setTimer(timeoutMs, () => stream.cancel());
  let timer = silence();
  return new Promise<Buffer>((resolve, reject) => {
    let isOpened = false;
    const answer: Buffer[] = [];
    let answerBytes = 0;
    /** The proof covers all of the answer, and stands before it. */
    const verify = (message: Buffer): void => {
      const step = greeting.receive(message);
      if (step.type === 'proven') resolve(Buffer.from(step.body));
      else if (step.type === 'refused') reject(new DbError('UNAUTHENTICATED', step.reason, {}));
      else {
        isOpened = true;
        stream.write(greeting.prove(bytes));
      }
    };
    stream.on('error', reject);
    stream.on('end', () => {
      if (answerBytes > 0) verify(Buffer.concat(answer));
      else reject(new Error('no answer'));
    });
    stream.on('data', (message: Buffer) => {
      timer.cancel();
      timer = silence();
      if (!isOpened) return verify(message);
      answer.push(message);
      answerBytes += message.byteLength;
      if (answerBytes > bytesMax) reject(new Error(`its answer is longer than ${bytesMax} bytes`));
    });
    stream.write(greeting.opening());
  }).finally(() => {
    timer.cancel();
    stream.cancel();
  });
}
