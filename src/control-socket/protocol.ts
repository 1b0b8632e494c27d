import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';

/** The supervisor's own folder inside the working directory; never archived. */
export const STATE_FOLDER = '.craftassist-session';

const SOCKET_NAME = 'door';

/** One request for each connection: a line of JSON there, a line of JSON back. */
export const Request = v.variant('ask', [
  v.object({
    ask: v.literal('say'),
    line: v.pipe(v.string(), v.minLength(1), v.maxLength(1_000), v.regex(/^\P{Cc}*$/u)),
  }),
  v.object({ ask: v.literal('health') }),
]);

export type Request = v.InferOutput<typeof Request>;

export const Answer = v.object({
  ok: v.boolean(),
  text: v.string(),
});

export type Answer = v.InferOutput<typeof Answer>;

/** Longer than any request or answer. */
const MAX_LINE_BYTES = 16 * 1024;

/** How long either side waits for the other. */
export const TIMEOUT_MS = 5_000;

export interface SocketPath extends AsyncDisposable {
  readonly path: string;
}

/**
 * The path of the door's socket. A socket's path holds 107 bytes at most (unix(7)), and working directories may be
 * deeper: the way through an open folder is always short.
 * @throws when there is no such folder.
 */
export async function socketPath(workdir: string): Promise<SocketPath> {
  const folder = join(workdir, STATE_FOLDER);
  const handle: FileHandle = await open(folder, 'r');
  const path =
    process.platform === 'linux' ? `/proc/self/fd/${handle.fd}/${SOCKET_NAME}` : join(folder, SOCKET_NAME);
  return { path, [Symbol.asyncDispose]: () => handle.close() };
}

/** Reads one line, and not more than it may hold. */
export async function readLine(stream: AsyncIterable<Buffer>): Promise<string> {
  let text = '';
  for await (const chunk of stream) {
    text += chunk.toString('utf8');
    const end = text.indexOf('\n');
    if (end !== -1) return text.slice(0, end);
    if (text.length > MAX_LINE_BYTES) throw new Error('the line is too long');
  }
  throw new Error('the connection ended in the middle of a line');
}
