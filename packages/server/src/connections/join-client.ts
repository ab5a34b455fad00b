// Questions to a node that this one has no connection with, and may share no cluster with. Each opens
// a connection of its own and closes it.

import {type Clock, DbError, fromWireError} from '@flotilla/base';
import type {Client, ServiceError} from '@grpc/grpc-js';
import type {Answered} from './node-server.ts';
import {createNodeClient, grpcAddress, NODE_SERVICE} from './node-service.ts';

export interface AskOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
}

/** Asks the node at an HTTP address who it is. UNAVAILABLE if nobody answers there in time. */
export function identifyNode(address: string, options: AskOptions): Promise<unknown> {
  return ask(address, 'identify', {}, options);
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
  const client = createNodeClient(address);
  try {
    const bytes = Buffer.from(JSON.stringify(request));
    const answered = JSON.parse(String(await send(client, question, bytes, options))) as Answered;
    if ('error' in answered) throw fromWireError(answered.error);
    return answered.result;
  } catch (error) {
    if (error instanceof DbError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    const place = grpcAddress(address);
    throw new DbError(
      'UNAVAILABLE',
      `node at ${place} does not answer: ${reason}`,
      {address},
      error,
    );
  } finally {
    client.close();
  }
}

function send(
  client: Client,
  question: 'identify' | 'join',
  bytes: Buffer,
  {clock, timeoutMs}: AskOptions,
): Promise<Buffer> {
  const {path, requestSerialize, responseDeserialize} = NODE_SERVICE[question];
  return new Promise((resolve, reject) => {
    const settle = (error: ServiceError | null, answer?: Buffer) => {
      timer.cancel();
      if (error !== null) reject(error);
      else if (answer === undefined) reject(new Error('an empty answer'));
      else resolve(answer);
    };
    const call = client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      bytes,
      settle,
    );
    const timer = clock.setTimer(timeoutMs, () => call.cancel());
  });
}
