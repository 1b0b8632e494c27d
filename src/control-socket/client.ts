import { connect } from 'node:net';
import * as v from 'valibot';
import { Answer, type Request, readLine, socketPath, TIMEOUT_MS } from './protocol.ts';

/**
 * Asks the session that is being played in a working directory.
 * @returns undefined when none is.
 * @throws when it does not answer as it should.
 */
export async function request(workdir: string, request: Request): Promise<Answer | undefined> {
  try {
    await using way = await socketPath(workdir);
    const socket = connect(way.path);
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error('the session does not answer')));
    socket.write(`${JSON.stringify(request)}\n`);
    try {
      return v.parse(Answer, JSON.parse(await readLine(socket)));
    } finally {
      socket.destroy();
    }
  } catch (error) {
    if (isNobodyThere(error)) return undefined;
    throw error;
  }
}

function isNobodyThere(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ECONNREFUSED')
  );
}
