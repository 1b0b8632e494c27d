#!/usr/bin/env node
// agent-serves-a-dashboard <port>: answers every request, and keeps the connections; those of WebSockets as well.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { args } from '../support/program.ts';

const server = createServer((_, response) => response.end('dashboard'));
server.keepAliveTimeout = 600_000;
server.on('upgrade', ({ headers }, socket) => {
  // RFC 6455, section 1.3.
  const key = `${headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const accept = createHash('sha1').update(key).digest('base64');
  const lines = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
  socket.write([...lines, `Sec-WebSocket-Accept: ${accept}`, '', ''].join('\r\n'));
  socket.on('error', () => undefined);
});
server.listen(Number(args[0]));
