import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface DeadManSwitch extends AsyncDisposable {
  readonly url: string;
  /** The requests so far, as `GET /path`. */
  readonly asked: readonly string[];
}

/** A web server of this machine. @param answer by default 200 */
export async function openSwitch(
  answer: (response: ServerResponse, request: IncomingMessage) => unknown = response => response.end('OK'),
): Promise<DeadManSwitch> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    answer(response, request);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
