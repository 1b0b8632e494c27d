import { once } from 'node:events';
import { createServer, type Server } from 'node:http';

/** A stand-in for a dashboard: one page, on all addresses, over a connection for each request. */
export async function servePage(port = 0): Promise<Server> {
  const server = createServer((_, response) =>
    response
      .writeHead(200, { 'content-type': 'text/html', connection: 'close' })
      .end('<!doctype html><html lang="en"><title>Dashboard</title><h1>The dashboard</h1></html>'),
  );
  server.listen(port);
  await once(server, 'listening');
  return server;
}
