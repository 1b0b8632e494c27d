import { once } from 'node:events';
import { createServer } from 'node:net';
import type { PortRange } from '../../../config/servermgr-config.ts';
import { NoRoomError } from '../launcher.ts';
import { type LocalRecord, stateOf } from './records.ts';

/** Whether a session still has its process, and with it its port. */
export function isBusy(record: LocalRecord): boolean {
  return stateOf(record, { host: '', port: record.port }).phase !== 'ended';
}

/**
 * Gives out the first port that no session has and nobody else listens on.
 * @throws {NoRoomError} when there is none.
 */
export async function pickPort({ first, last }: PortRange, records: readonly LocalRecord[]): Promise<number> {
  const taken = new Set(records.filter(isBusy).map(({ port }) => port));
  for (let port = first; port <= last; port += 1) {
    if (!taken.has(port) && (await isFree(port))) return port;
  }
  throw new NoRoomError(`every port from ${first} to ${last} is in use: widen SERVERMGR_PORTS`);
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
