import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** What its own page says when no instance answers. */
export const NOBODY = 'nobody answers just now';

export interface LoadBalancer extends AsyncDisposable {
  readonly url: string;
}

/** Hands requests to one instance after the other: who is not there is left out, and a request that was sent is not repeated. */
export async function startLoadBalancer(ports: readonly number[]): Promise<LoadBalancer> {
  let turn = 0;
  const server = http.createServer((request, response) => void serve(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request).catch(() => undefined);
    if (body === undefined) return void response.destroy();
    turn += 1;
    const inTurn = ports.map((_, index) => ports[(turn + index) % ports.length] ?? 0);
    for (const port of inTurn) if (await handOn(port, body, request, response)) return;
    response.writeHead(502, { 'content-type': 'text/html' }).end(`<h1>502</h1>${NOBODY}`);
  }

  /** @returns false: nobody is there */
  function handOn(port: number, body: Buffer, { method, url, headers }: IncomingMessage, to: ServerResponse) {
    return new Promise<boolean>(resolve => {
      const onward = http.request({ host: '127.0.0.1', port, method, path: url, headers, agent: false });
      onward.on('response', answer => {
        resolve(true);
        to.writeHead(answer.statusCode ?? 502, answer.headers);
        // An instance that is killed breaks its answers off.
        answer.on('error', () => to.destroy());
        answer.pipe(to);
      });
      onward.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'ECONNREFUSED') return resolve(false);
        to.destroy();
        resolve(true);
      });
      to.on('close', () => onward.destroy());
      onward.end(body);
    });
  }

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
