import { once } from 'node:events';
import { mkdir, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import * as v from 'valibot';
import { isSilent } from '../files/left-out.ts';
import { type Answer, Request, readLine, STATE_FOLDER, socketPath, TIMEOUT_MS } from './protocol.ts';

export interface ControlHandler {
  /** Writes one line to the server's console. @returns what the server has answered */
  sendCommand(line: string): Promise<Answer>;
  health(): Answer;
}

/**
 * Listens on the control socket, by which other programs in the container reach a running session: it is in the
 * supervisor's own folder, for the supervisor's user only. Disposing of it closes it and removes the folder. Whoever
 * calls it holds the lock of the working directory.
 */
export async function listenControlSocket(
  workdir: string,
  handler: ControlHandler,
): Promise<AsyncDisposable> {
  await mkdir(join(workdir, STATE_FOLDER), { recursive: true, mode: 0o700 });
  const socketFile = await socketPath(workdir);
  // A supervisor that was killed has left its socket.
  await rm(socketFile.path, { force: true });
  const connections = new Set<Socket>();
  const server = createServer(socket => {
    connections.add(socket.once('close', () => connections.delete(socket)));
    void serve(socket, handler);
  });
  server.listen(socketFile.path);
  await once(server, 'listening');
  return {
    async [Symbol.asyncDispose]() {
      // To close it is to unlink it, on this thread.
      if (await isSilent(workdir)) return;
      const closed = once(server, 'close');
      server.close();
      for (const socket of connections) socket.destroy();
      await closed;
      await socketFile[Symbol.asyncDispose]();
      await rm(join(workdir, STATE_FOLDER), { recursive: true, force: true });
    },
  };
}

async function serve(socket: Socket, handler: ControlHandler): Promise<void> {
  socket.setTimeout(TIMEOUT_MS, () => socket.destroy());
  // A client that has closed the connection needs no answer.
  socket.on('error', () => socket.destroy());
  try {
    const request = v.parse(Request, JSON.parse(await readLine(socket.iterator({ destroyOnReturn: false }))));
    const answer = request.ask === 'say' ? await handler.sendCommand(request.line) : handler.health();
    socket.end(`${JSON.stringify(answer)}\n`);
  } catch (error) {
    const answer: Answer = { ok: false, text: `not understood: ${String(error)}` };
    socket.end(`${JSON.stringify(answer)}\n`);
  }
}
