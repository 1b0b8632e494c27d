import { once } from 'node:events';
import { createServer } from 'node:net';
import type { PortRange } from '../config/config.ts';
import { NoRoomError } from './launcher.ts';
import { type LocalRecord, stateOf } from './local-records.ts';

/** Whether a session still has its process, and with it its port. */
export function isBusy(record: LocalRecord): boolean {
  return stateOf(record, { host: '', port: record.port }).phase !== 'ended';
}

/**
 * Gives out the first port that no session has and nobody else listens on. Two instances that choose at the same
 * moment may choose the same: the supervisor of the second then finds its port taken, and says so.
 * @throws {NoRoomError} when there is none.
 */
export async function pickPort(
  { first, last }: PortRange,
  { records, reserved }: { records: readonly LocalRecord[]; reserved: Set<number> },
): Promise<number> {
  const taken = new Set(records.filter(isBusy).map(({ port }) => port));
  for (let port = first; port <= last; port += 1) {
    if (taken.has(port) || reserved.has(port)) continue;
    // Reserved before the first await: launches at the same time pass it by.
    reserved.add(port);
    if (await isFree(port)) return port;
    reserved.delete(port);
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
