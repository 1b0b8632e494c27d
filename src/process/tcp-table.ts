import { readFile } from 'node:fs/promises';

/** One end of an established TCP connection, as `/proc/net/tcp` describes it. */
export interface TcpSocket {
  /** The kernel's hexadecimal address and port, such as `0100007F:63DD`: IPv4-mapped addresses are spelled as IPv4. */
  readonly local: string;
  /** The other end, spelled likewise. */
  readonly remote: string;
  readonly localPort: number;
  /** The user who has made it; 0 also for one that nobody has accepted yet. */
  readonly uid: number;
  /** By which `/proc/PID/fd` names it. */
  readonly inode: string;
}

export interface TcpTable {
  readonly established: readonly TcpSocket[];
  /** Ports at which something in this network namespace listens. */
  readonly listening: ReadonlySet<number>;
}

/**
 * The TCP sockets of this network namespace, IPv4 and IPv6.
 * @see proc_net_tcp: https://docs.kernel.org/networking/proc_net_tcp.html
 * @returns undefined where there is no such table, or it cannot be read
 */
export async function readTcpTable(procRoot = '/proc'): Promise<TcpTable | undefined> {
  const tables = await Promise.all(
    // One of the two may be missing: a kernel without IPv6, for one.
    ['tcp', 'tcp6'].map(name => readFile(`${procRoot}/net/${name}`, 'latin1').catch(() => '')),
  );
  const rows = tables
    .join('\n')
    .split('\n')
    .map(row => row.trim().split(/\s+/));
  if (rows.length <= tables.length) return undefined;
  const inState = (state: string) => rows.filter(row => row[3] === state);
  return {
    established: inState('01').map(([, local = '', remote = '', , , , , uid, , inode = '']) => ({
      local: unmapped(local),
      remote: unmapped(remote),
      localPort: portOf(local),
      uid: Number(uid),
      inode,
    })),
    listening: new Set(inState('0A').map(([, local = '']) => portOf(local))),
  };
}

/** `::ffff:a.b.c.d` is how a socket that takes both kinds sees an IPv4 address. */
function unmapped(endpoint: string): string {
  return endpoint.replace(/^0{16}FFFF0000/, '');
}

function portOf(endpoint: string): number {
  return Number.parseInt(endpoint.slice(endpoint.lastIndexOf(':') + 1), 16);
}
