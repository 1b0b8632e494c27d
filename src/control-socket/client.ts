import { once } from 'node:events';
import { connect } from 'node:net';
import * as v from 'valibot';
import { hasCode } from '../files/errno.ts';
import { Answer, type Request, readLine, socketPath, TIMEOUT_MS } from './protocol.ts';

/** A session is there, and does not answer: its machine is slow, or it waits for a disk. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';
}

/**
 * Sends a request to the session that is running in a working directory.
 * @returns undefined when none is running there
 * @throws {NoAnswerError} when it does not answer within 5 s; otherwise when it may not be asked, or answers something else
 */
export async function request(workdir: string, request: Request): Promise<Answer | undefined> {
  try {
    await using socketFile = await socketPath(workdir);
    const socket = connect(socketFile.path);
    socket.setTimeout(TIMEOUT_MS, () => {
      socket.destroy(new NoAnswerError(`the session does not answer for ${TIMEOUT_MS / 1_000} s`));
    });
    socket.write(`${JSON.stringify(request)}\n`);
    try {
      return v.parse(Answer, JSON.parse(await readLine(socket)));
    } finally {
      socket.destroy();
    }
  } catch (error) {
    if (isNobody(error)) return undefined;
    throw error;
  }
}

/**
 * Whether a session has its control socket open. The kernel accepts the connection: the session itself may be busy.
 * @throws when its folder may not be looked into
 */
export async function isListening(workdir: string): Promise<boolean> {
  try {
    await using socketFile = await socketPath(workdir);
    const socket = connect(socketFile.path);
    try {
      await once(socket, 'connect');
      return true;
    } finally {
      socket.destroy();
    }
  } catch (error) {
    // What is not a folder holds no socket.
    if (isNobody(error) || hasCode(error, 'ENOTDIR', 'ELOOP')) return false;
    // More connections wait than the kernel keeps: nobody accepts them at the moment.
    if (hasCode(error, 'EAGAIN')) return true;
    throw error;
  }
}

/** No state folder, no socket, or the socket of a supervisor that was killed. */
function isNobody(error: unknown): boolean {
  return hasCode(error, 'ENOENT', 'ECONNREFUSED');
}
