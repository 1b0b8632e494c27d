import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { hasCode } from '../files/errno.ts';
import { isListening } from './client.ts';

/** Another session is running in this working directory. */
export class WorkdirInUseError extends Error {
  override readonly name = 'WorkdirInUseError';
}

/**
 * Locks a working directory for one session: by a socket in Linux's abstract namespace (unix(7)), which no two
 * processes can bind, which leaves no file, and which goes with its holder however that dies. A container with a
 * network of its own does not see it: there a session is known by its control socket.
 * @throws {WorkdirInUseError} when another session has it, however slow that one is
 */
export async function lockWorkdir(workdir: string): Promise<AsyncDisposable> {
  const { dev, ino } = await stat(workdir, { bigint: true });
  const lock = createServer(socket => socket.destroy());
  await using unlock = new AsyncDisposableStack();
  if (process.platform === 'linux') {
    lock.listen(`\0craftassist-session ${dev}:${ino}`);
    try {
      await once(lock, 'listening');
    } catch (cause) {
      throw hasCode(cause, 'EADDRINUSE') ? inUse(workdir, cause) : cause;
    }
    unlock.defer(async () => {
      const closed = once(lock, 'close');
      lock.close();
      await closed;
    });
  }
  if (await isListening(workdir)) throw inUse(workdir);
  return unlock.move();
}

function inUse(workdir: string, cause?: unknown): WorkdirInUseError {
  return new WorkdirInUseError(`another session is running in ${workdir}`, { cause });
}
