import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import { networkOf } from './network.ts';

interface Connection {
  readonly network: string;
  /** Requests that have arrived and are not answered yet. */
  underWay: number;
  idleSinceMs: number;
}

/**
 * Keeps the connections of a server at a number: one more closes that which has been idle longest, of the network that
 * has the most idle ones, so that nobody locks others out by connections alone. Idle is a connection without a request
 * that has arrived as a whole. When all are at work, the new one is closed.
 */
export function limitConnections(server: Server, limit: number): void {
  const connections = new Map<Socket, Connection>();
  /** By network; in each, the one that has been idle longest comes first. */
  const idle = new Map<string, Set<Socket>>();

  function rest(socket: Socket, connection: Connection): void {
    connection.idleSinceMs = performance.now();
    const { network } = connection;
    const sockets = idle.get(network) ?? new Set();
    idle.set(network, sockets);
    sockets.delete(socket);
    sockets.add(socket);
  }

  function stir(socket: Socket, { network }: Connection): void {
    const sockets = idle.get(network);
    sockets?.delete(socket);
    if (sockets?.size === 0) idle.delete(network);
  }

  function forget(socket: Socket): void {
    const connection = connections.get(socket);
    if (connection === undefined) return;
    stir(socket, connection);
    connections.delete(socket);
  }

  function longestIdle(): Socket | undefined {
    let found: { readonly socket: Socket; readonly count: number; readonly sinceMs: number } | undefined;
    for (const sockets of idle.values()) {
      const [socket] = sockets;
      const sinceMs = socket && connections.get(socket)?.idleSinceMs;
      if (socket === undefined || sinceMs === undefined) continue;
      const count = sockets.size;
      if (found === undefined || count > found.count || (count === found.count && sinceMs < found.sinceMs))
        found = { socket, count, sinceMs };
    }
    return found?.socket;
  }

  server.on('connection', socket => {
    const connection = { network: networkOf(socket.remoteAddress ?? ''), underWay: 0, idleSinceMs: 0 };
    connections.set(socket, connection);
    rest(socket, connection);
    socket.once('close', () => forget(socket));
    const victim = connections.size > limit ? longestIdle() : undefined;
    if (victim === undefined) return;
    forget(victim);
    victim.destroy();
  });

  server.on('request', (request, response) => {
    const { socket } = request;
    const connection = connections.get(socket);
    if (connection === undefined) return;
    let arrived = false;
    const arrive = () => {
      arrived = true;
      connection.underWay += 1;
      stir(socket, connection);
    };
    if (hasBody(request)) request.once('end', arrive);
    else arrive();
    response.once('close', () => {
      if (arrived) connection.underWay -= 1;
      if (connection.underWay === 0 && connections.has(socket)) rest(socket, connection);
    });
  });
}

/** https://www.rfc-editor.org/rfc/rfc9112#section-6.3 */
function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
