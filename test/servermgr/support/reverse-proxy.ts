import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { type HttpsSite, startHttpsSite } from './https-site.ts';

/** A proxy before a manager, as a platform has it. */
export interface ReverseProxy extends AsyncDisposable {
  readonly url: string;
  /** Paths that were asked for and are not the manager's. */
  readonly strays: readonly string[];
}

type Changed = (headers: http.IncomingHttpHeaders) => http.OutgoingHttpHeaders;

/**
 * Hands requests on to a port of this machine; while nothing answers there, its own page says 502.
 * @param below the path that the manager is at; all others are something else's, which answers 418
 * @param changed the headers of answers, as they are handed on
 */
export async function startReverseProxy(
  port: number,
  below = '',
  changed: Changed = headers => headers,
): Promise<ReverseProxy> {
  const strays: string[] = [];
  const server = http.createServer(handOn(port, below, strays, {}, changed));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    strays,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The same by HTTPS, under a name. To a manager with SERVERMGR_TRUSTED_PROXIES=1 it says so. */
export function startHttpsProxy(name: string, port: number): Promise<HttpsSite> {
  const told = { 'x-forwarded-proto': 'https', 'x-forwarded-for': '127.0.0.1' };
  return startHttpsSite(name, handOn(port, '', [], told));
}

function handOn(
  port: number,
  below: string,
  strays: string[],
  told: http.OutgoingHttpHeaders,
  changed: Changed = headers => headers,
): http.RequestListener {
  return (request, response) => {
    const { method, url: path = '' } = request;
    const headers = { ...request.headers, ...told };
    if (!`${path.split('?')[0]}/`.startsWith(`${below}/`)) {
      strays.push(path);
      response.writeHead(418).end('another application');
      return;
    }
    const onward = http.request({ host: '127.0.0.1', port, method, path, headers }, answer => {
      response.writeHead(answer.statusCode ?? 502, changed(answer.headers));
      // A manager that is killed breaks its answers off.
      answer.on('error', () => response.destroy());
      answer.pipe(response);
    });
    onward.on('error', () => {
      if (response.headersSent) response.destroy();
      else response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>502 Bad Gateway</h1>');
    });
    response.on('close', () => onward.destroy());
    request.pipe(onward);
  };
}
