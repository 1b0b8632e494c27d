import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/** What the server tells; read anew for every ping. */
export interface StandIn {
  /** @param joined how many connections have begun to log in, and are open */
  readonly online: (joined: number) => number;
  readonly names?: () => readonly string[];
  /** Whether it answers at all; a server that hangs accepts connections and stays silent. */
  readonly answers?: () => boolean;
  readonly onPing?: () => void;
}

export interface StatusServer {
  readonly port: number;
  /** How many connections are open. */
  connections(): number;
  close(): Promise<void>;
}

/** A stand-in for a Minecraft server: it speaks the status part of the protocol, on all addresses, and nothing else. */
export async function serveStatus(standIn: StandIn, port = 0): Promise<StatusServer> {
  const sockets = new Set<Socket>();
  const joined = new Set<Socket>();
  const server = createServer(socket => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    // A client that hangs up rudely is its own affair; 'close' follows.
    socket.on('error', () => socket.destroy());
    socket.once('close', () => joined.delete(socket));
    converse(socket, standIn, joined);
  });
  server.listen(port);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => sockets.size,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The whole answer of a server to a status request, ready to be sent. */
export function statusPacket(json: string): Buffer {
  const bytes = Buffer.from(json);
  return frame(Buffer.concat([varInt(0), varInt(bytes.length), bytes]));
}

export function frame(body: Buffer): Buffer {
  return Buffer.concat([varInt(body.length), body]);
}

export function varInt(value: number): Buffer {
  return Buffer.from(value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varInt(value >>> 7)]);
}

function converse(socket: Socket, standIn: StandIn, joined: Set<Socket>): void {
  let pending = Buffer.alloc(0);
  let shaken = false;
  socket.on('data', chunk => {
    pending = Buffer.concat([pending, chunk]);
    for (let body = takePacket(); body; body = takePacket()) handle(body);
  });

  // Clients' packets are shorter than 128 bytes: their length is one byte.
  function takePacket(): Buffer | undefined {
    const [length] = pending;
    if (length === undefined || pending.length < 1 + length) return undefined;
    const body = pending.subarray(1, 1 + length);
    pending = pending.subarray(1 + length);
    return body;
  }

  function handle(body: Buffer): void {
    if (standIn.answers?.() === false) return;
    if (joined.has(socket)) return;
    if (!shaken) {
      shaken = true;
      if (body.at(-1) === LOGIN) joined.add(socket);
    } else if (body[0] === 0) {
      socket.write(statusPacket(statusJson(standIn, joined.size)));
      standIn.onPing?.();
    } else socket.end(frame(body));
  }
}

/** The next state, at the end of the handshake, of a client that wants to play. */
export const LOGIN = 2;

function statusJson({ online, names }: StandIn, joined: number): string {
  return JSON.stringify({
    version: { name: 'Stand-in 1.12.2', protocol: 340 },
    players: { max: 20, online: online(joined), sample: (names?.() ?? []).map(name => ({ name, id: '' })) },
    description: { text: 'a stand-in' },
  });
}
