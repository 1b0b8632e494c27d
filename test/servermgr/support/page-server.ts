import { once } from 'node:events';
import { createServer, type Server } from 'node:http';

const DASHBOARD = '<!doctype html><html lang="en"><title>Dashboard</title><h1>The dashboard</h1></html>';

/** A stand-in for a dashboard, or for another page: one page, on all addresses, over a connection for each request. */
export async function servePage(port = 0, page = DASHBOARD): Promise<Server> {
  const server = createServer((_, response) =>
    response.writeHead(200, { 'content-type': 'text/html', connection: 'close' }).end(page),
  );
  server.listen(port);
  await once(server, 'listening');
  return server;
}
