import { connect, type Socket } from 'node:net';
import type { Address } from '../config/session-config.ts';
import { packet, readPacket, text, unsignedShort, varInt } from './protocol.ts';
import { readStatus, type ServerInfo } from './status.ts';

/** What a server says of itself and of who is on it. */
export interface ServerStatus extends ServerInfo {
  /** From the request to the whole answer. */
  readonly latencyMs: number;
}

export interface PingOptions {
  /** For everything together: looking up the name, connecting, and the whole answer. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Asks a server for its status, as the multiplayer screen of Minecraft 1.7 and later does.
 * @see https://minecraft.wiki/w/Java_Edition_protocol/Server_List_Ping
 * @throws {Error} that says in its message what went wrong, its cause beside it; the signal's reason when aborted.
 */
export async function ping(address: Address, { timeoutMs, signal }: PingOptions): Promise<ServerStatus> {
  signal.throwIfAborted();
  const socket = connect({ host: address.host, port: address.port, noDelay: true });
  const deadline = setTimeout(
    () => socket.destroy(new Error(`no answer within ${Math.round(timeoutMs)} ms`)),
    timeoutMs,
  );
  const abort = () => socket.destroy(new Error('aborted'));
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await askStatus(socket, address);
  } catch (cause) {
    signal.throwIfAborted();
    throw new Error(`no status from ${address.host}:${address.port}: ${reasonOf(cause)}`, { cause });
  } finally {
    clearTimeout(deadline);
    signal.removeEventListener('abort', abort);
    socket.destroy();
  }
}

async function askStatus(socket: Socket, address: Address): Promise<ServerStatus> {
  let askedMs = performance.now();
  socket.once('connect', () => {
    askedMs = performance.now();
    socket.write(Buffer.concat([handshake(address), statusRequest]));
  });
  const answer = await readPacket(socket);
  return { ...readStatus(answer), latencyMs: performance.now() - askedMs };
}

// 1.12.2. The customary -1 ("tell me yours") will not do: newer builds of Cuberite take bit 26 for the mark of a
// snapshot and hang up.
const PROTOCOL = 340;
const HANDSHAKE = 0;
const STATUS_REQUEST = 0;
const NEXT_STATE_STATUS = 1;

const statusRequest = packet(STATUS_REQUEST);

function handshake({ host, port }: Address): Buffer {
  return packet(HANDSHAKE, varInt(PROTOCOL), text(host), unsignedShort(port), varInt(NEXT_STATE_STATUS));
}

function reasonOf(cause: unknown): string {
  const { code, message } = cause as NodeJS.ErrnoException;
  switch (code) {
    case 'ECONNREFUSED':
      return 'connection refused';
    case 'ECONNRESET':
    case 'EPIPE':
    case 'ERR_STREAM_PREMATURE_CLOSE':
      return 'the connection was reset before the answer';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'its name cannot be looked up';
    default:
      // A name with several addresses fails with an AggregateError, whose own message is empty.
      return message || code || 'unknown fault';
  }
}
