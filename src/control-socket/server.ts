import { once } from 'node:events';
import { mkdir, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import * as v from 'valibot';
import { request } from './client.ts';
import { type Answer, Request, readLine, STATE_FOLDER, socketPath, TIMEOUT_MS } from './protocol.ts';

export interface ControlHandler {
  /** Says one line on the server's console. */
  sendCommand(line: string): Promise<Answer>;
  health(): Answer;
}

/** Another session is being played in this working directory. */
export class WorkdirInUseError extends Error {
  override readonly name = 'OccupiedError';
}

/**
 * Opens the door through which others in the container reach a running session: a socket in the supervisor's own
 * folder, for its own user only.
 * @throws {WorkdirInUseError} when another session answers behind it already.
 */
export async function listenControlSocket(
  workdir: string,
  visited: ControlHandler,
): Promise<AsyncDisposable> {
  await mkdir(join(workdir, STATE_FOLDER), { recursive: true, mode: 0o700 });
  if ((await request(workdir, { ask: 'health' })) !== undefined) {
    throw new WorkdirInUseError(`another session is being played in ${workdir}`);
  }
  const way = await socketPath(workdir);
  // What a session left behind that was killed.
  await rm(way.path, { force: true });
  const visitors = new Set<Socket>();
  const server = createServer(socket => {
    visitors.add(socket.once('close', () => visitors.delete(socket)));
    void serve(socket, visited);
  });
  server.listen(way.path);
  await once(server, 'listening');
  return {
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of visitors) socket.destroy();
      await closed;
      await way[Symbol.asyncDispose]();
      await rm(join(workdir, STATE_FOLDER), { recursive: true, force: true });
    },
  };
}

async function serve(socket: Socket, visited: ControlHandler): Promise<void> {
  socket.setTimeout(TIMEOUT_MS, () => socket.destroy());
  // A visitor who leaves early has no more to be told.
  socket.on('error', () => socket.destroy());
  try {
    const request = v.parse(Request, JSON.parse(await readLine(socket.iterator({ destroyOnReturn: false }))));
    const answer = request.ask === 'say' ? await visited.sendCommand(request.line) : visited.health();
    socket.end(`${JSON.stringify(answer)}\n`);
  } catch (error) {
    const answer: Answer = { ok: false, text: `not understood: ${String(error)}` };
    socket.end(`${JSON.stringify(answer)}\n`);
  }
}
