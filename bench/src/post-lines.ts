// One body of line protocol to one node: sent once, on a connection that is kept.

import http from 'node:http';
import {RefusedWrite} from './steady/failures.ts';

/** Resolves with its acknowledgement; anything else rejects. */
export function postLines(url: string, body: Buffer, agent: http.Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = {'content-type': 'text/plain', 'content-length': body.length};
    const request = http.request(url, {method: 'POST', agent, headers}, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (piece: string) => {
        text += piece;
      });
      response.once('error', reject);
      response.once('end', () => {
        if (response.statusCode === 204) resolve();
        else reject(new RefusedWrite(response.statusCode ?? 0, text));
      });
    });
    request.once('error', reject);
    request.end(body);
  });
}
