// Questions to a node that this one has no connection with, and may share no cluster with. Each opens
// a connection of its own and closes it.

import {type Clock, DbError, fromWireError} from '@flotilla/base';
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
  readonly timeoutMs: number;
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
  {clock, secret, timeoutMs}: AskOptions,
): Promise<Buffer> {
  const {path, requestSerialize, responseDeserialize} = NODE_SERVICE[question];
  const greeting = new Greeting({secret, side: 'dialer', purpose: question});
  const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
  const timer = clock.setTimer(timeoutMs, () => stream.cancel());
  return new Promise<Buffer>((resolve, reject) => {
    stream.on('error', reject);
    stream.on('end', () => reject(new Error('no answer')));
    stream.on('data', (message: Buffer) => {
      const step = greeting.receive(message);
      if (step.type === 'opened') stream.write(greeting.prove(bytes));
      else if (step.type === 'proven') resolve(Buffer.from(step.body));
      else reject(new DbError('UNAUTHENTICATED', step.reason, {}));
    });
    stream.write(greeting.opening());
  }).finally(() => {
    timer.cancel();
    stream.cancel();
  });
}
