// A stream as gRPC's server hands it over, and how it is refused.

import {type ServerDuplexStream, status} from '@grpc/grpc-js';

export type AcceptedStream = ServerDuplexStream<Buffer, Buffer>;

/** Ends a stream from the accepting side; `reason` reaches the other node's log. */
export function refuseStream(stream: AcceptedStream, reason: string): void {
  stream.emit('error', {code: status.FAILED_PRECONDITION, details: reason});
}
