import { connect } from 'node:net';
import * as v from 'valibot';
import { hasCode } from '../files/errno.ts';
import { Answer, type Request, readLine, socketPath, TIMEOUT_MS } from './protocol.ts';

/**
 * Sends a request to the session that is running in a working directory.
 * @returns undefined when none is running there
 * @throws when it does not answer within 5 s, or not in the protocol
 */
export async function request(workdir: string, request: Request): Promise<Answer | undefined> {
  try {
    await using socketFile = await socketPath(workdir);
    const socket = connect(socketFile.path);
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error('the session does not answer')));
    socket.write(`${JSON.stringify(request)}\n`);
    try {
      return v.parse(Answer, JSON.parse(await readLine(socket)));
    } finally {
      socket.destroy();
    }
  } catch (error) {
    // No state folder, no socket, or the socket of a supervisor that was killed.
    if (hasCode(error, 'ENOENT', 'ECONNREFUSED')) return undefined;
    throw error;
  }
}
