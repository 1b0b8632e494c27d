import type { TcpSocket, TcpTable } from './tcp-table.ts';

/** Who is connected to a port of this network namespace: `address:port` pairs as the kernel spells them. */
export interface Connections {
  /** The session's own processes. */
  readonly own: ReadonlySet<string>;
  /** Everybody else, from outside or from this machine. */
  readonly others: ReadonlySet<string>;
}

/**
 * Pairs, and not addresses, are told apart: behind docker-proxy or NAT everybody comes from one gateway.
 * @param isOwn whether a socket of this network namespace belongs to the session's processes
 * @returns undefined where nothing listens: the server is elsewhere
 */
export async function connectionsTo(
  port: number,
  { established, listening }: TcpTable,
  isOwn: (socket: TcpSocket) => Promise<boolean>,
): Promise<Connections | undefined> {
  if (!listening.has(port)) return undefined;
  const byLocal = new Map(established.map(socket => [`${socket.local} ${socket.remote}`, socket]));
  const own = new Set<string>();
  const others = new Set<string>();
  for (const { localPort, local, remote } of established) {
    if (localPort !== port) continue;
    // A peer on this machine has its own end in the same table.
    const peer = byLocal.get(`${remote} ${local}`);
    const isOurs = peer !== undefined && (await isOwn(peer));
    (isOurs ? own : others).add(remote);
  }
  return { own, others };
}
