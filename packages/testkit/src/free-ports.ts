// Ports for processes of tests and benchmarks. They lie below those that systems give to outgoing
// connections (Linux: from 32,768): between the look and the process's start nobody gets one by chance.

import {randomInt} from 'node:crypto';
import net from 'node:net';

const PORTS_FROM = 12_000;
const PORTS_UNTIL = 32_000;
/** Of this process, so that none is given twice; others begin elsewhere. */
let nextPort = randomInt(PORTS_FROM, PORTS_UNTIL);

/** The first of `count` ports in a row that nothing listens on now. A node takes two: HTTP and gRPC. */
export async function freePorts(count: number): Promise<number> {
  for (;;) {
    const first = nextPort + count <= PORTS_UNTIL ? nextPort : PORTS_FROM;
    nextPort = first + count;
    if (await areFree(first, count)) return first;
  }
}

async function areFree(first: number, count: number): Promise<boolean> {
  const servers: net.Server[] = [];
  try {
    for (let port = first; port < first + count; port++) servers.push(await listen(port));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    return false;
  } finally {
    for (const server of servers) await new Promise((resolve) => server.close(resolve));
  }
}

function listen(port: number): Promise<net.Server> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
