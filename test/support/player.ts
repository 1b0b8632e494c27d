import { connect, type Socket } from 'node:net';
import { frame, LOGIN } from './status-server.ts';

/** Joins a stand-in for a Minecraft server, which counts whoever is connected: closing the socket leaves the game. */
export function joinGame(port: number, host = '127.0.0.1'): Socket {
  const socket = connect({ port, host }).on('error', () => undefined);
  socket.write(frame(Buffer.of(0, 0, LOGIN)));
  return socket;
}
