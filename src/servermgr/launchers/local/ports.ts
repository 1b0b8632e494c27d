import { once } from 'node:events';
import { createServer } from 'node:net';
import type { PortRange } from '../../../config/servermgr-config.ts';
import { NoCapacityError } from '../launcher.ts';

/**
 * The first port of the range that is not in use, neither by a session nor by another program.
 * @param used the ports of sessions, whether they listen already or not
 * @throws {NoCapacityError} when there is none.
 */
export async function pickPort({ first, last }: PortRange, used: readonly number[]): Promise<number> {
  for (let port = first; port <= last; port += 1) {
    if (!used.includes(port) && (await isFree(port))) return port;
  }
  throw new NoCapacityError(`every port from ${first} to ${last} is in use: widen SERVERMGR_PORTS`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port);
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    if (server.listening) {
      server.close();
      await once(server, 'close');
    }
  }
}
