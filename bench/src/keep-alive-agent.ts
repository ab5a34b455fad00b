// Connections kept between requests, by the rule that the client gives an idle one up before the server
// does. A server that closes one just as a request is sent on it leaves the request without an answer,
// and whoever measures counts a failure that is of neither.

import http from 'node:http';

/**
 * Node's agent heeds a server's `Keep-Alive: timeout=72` (less a second) only where it has a limit of its
 * own, and only where that is greater. This is a week: each server's word is the shorter.
 */
const IDLE_MS_MAX = 7 * 86_400_000;

export function keepAliveAgent(options: {readonly maxSockets?: number} = {}): http.Agent {
  return new http.Agent({...options, keepAlive: true, timeout: IDLE_MS_MAX});
}
