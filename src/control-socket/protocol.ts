import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';

/** The supervisor's own folder in the working directory; never archived. */
export const STATE_FOLDER = '.craftassist-session';

const SOCKET_NAME = 'door';

/** One request a connection: one line of JSON, answered by one line of JSON. The names are part of the protocol. */
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

/** How long either side waits for the other's next bytes. */
export const TIMEOUT_MS = 5_000;

export interface SocketPath extends AsyncDisposable {
  readonly path: string;
}

/**
 * The path of the control socket, valid until it is disposed of. A socket's path has at most 107 bytes (unix(7)), and
 * that of the working directory may be longer: on Linux the path leads through a descriptor of the open folder.
 * @throws when there is no such folder
 */
export async function socketPath(workdir: string): Promise<SocketPath> {
  const folder = join(workdir, STATE_FOLDER);
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  const path =
    process.platform === 'linux' ? `/proc/self/fd/${handle.fd}/${SOCKET_NAME}` : join(folder, SOCKET_NAME);
  return { path, [Symbol.asyncDispose]: () => handle.close() };
}

/** Reads one line of at most 16 KiB, without its line feed. @throws when the stream ends before the line does */
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
