import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Address } from '../config/session-config.ts';
import { errorCode } from '../files/errno.ts';
import { packet, readPacket, text, unsignedShort, varInt } from './protocol.ts';
import { readStatus, type ServerInfo } from './status.ts';

/** A server's answer to the status request. */
export interface ServerStatus extends ServerInfo {
  /** From sending the request to having read the answer. */
  readonly latencyMs: number;
}

export interface PingOptions {
  /** For name lookup, connection and answer together. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Requests a server's status, as the multiplayer screen of Minecraft 1.7 and later does (Server List Ping).
 * @see https://minecraft.wiki/w/Java_Edition_protocol/Server_List_Ping
 * @throws an error with its cause in words and as `cause`; the signal's reason when aborted
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
    throw new Error(`no status from ${address.host}:${address.port}: ${describeConnectionError(cause)}`, {
      cause,
    });
  } finally {
    clearTimeout(deadline);
    signal.removeEventListener('abort', abort);
    socket.destroy();
  }
}

/**
 * Ends a connection whose two ends are one: where nobody listens at a port from which connections are made, the kernel
 * may choose that very port for a connection to it, which succeeds. It is reset, since after an ordinary end the port
 * is taken for another minute (TIME_WAIT), and no server can listen there.
 * @returns whether it was one
 */
export function resetIfConnectedToItself(socket: Socket): boolean {
  const { localAddress, localPort, remoteAddress, remotePort } = socket;
  const isItself = localPort === remotePort && localAddress === remoteAddress;
  if (isItself) socket.resetAndDestroy();
  return isItself;
}

async function askStatus(socket: Socket, address: Address): Promise<ServerStatus> {
  await once(socket, 'connect');
  if (resetIfConnectedToItself(socket)) throw new Error('nobody listens there');
  const askedMs = performance.now();
  socket.write(Buffer.concat([handshake(address), statusRequest]));
  const answer = await readPacket(socket);
  return { ...readStatus(answer), latencyMs: performance.now() - askedMs };
}

// 1.12.2. The customary -1 ("unknown") does not work: newer builds of Cuberite take bit 26 as the mark of a snapshot
// and close the connection.
const PROTOCOL = 340;
const HANDSHAKE = 0;
const STATUS_REQUEST = 0;
const NEXT_STATE_STATUS = 1;

const statusRequest = packet(STATUS_REQUEST);

function handshake({ host, port }: Address): Buffer {
  return packet(HANDSHAKE, varInt(PROTOCOL), text(host), unsignedShort(port), varInt(NEXT_STATE_STATUS));
}

function describeConnectionError(error: unknown): string {
  const code = errorCode(error);
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
      // The AggregateError of a name with several addresses has no message of its own.
      return (error instanceof Error && error.message) || code || 'unknown error';
  }
}
