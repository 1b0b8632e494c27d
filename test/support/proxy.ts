import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import { tlsIdentity } from './tls.ts';

export interface ProxyServer extends AsyncDisposable {
  /** Without credentials. */
  readonly url: string;
  /** What it was asked for: `CONNECT host:port` of tunnels, `METHOD URL` of others. */
  readonly requests: readonly string[];
  /** How many of its clients are connected. */
  connections(): Promise<number>;
}

export interface ProxyOptions {
  /** Where everything leads to, whatever host was asked for. */
  readonly to: { readonly port: number };
  /** Where a tunnel to one of these hosts leads instead. */
  readonly hosts?: Readonly<Record<string, { readonly port: number }>>;
  /** `user:password`; others are answered with 407. */
  readonly credentials?: string;
  /** Takes requests and never answers. */
  readonly hangs?: boolean;
}

/** An HTTP proxy: tunnels by CONNECT (RFC 9110, 9.3.6), and plain requests by their absolute URL. */
export async function startProxy({ to, hosts, credentials, hangs }: ProxyOptions): Promise<ProxyServer> {
  const requests: string[] = [];
  const expected = credentials && `Basic ${Buffer.from(credentials).toString('base64')}`;
  const isAllowed = ({ headers }: IncomingMessage) =>
    expected === undefined || headers['proxy-authorization'] === expected;
  const tunnels = new Set<net.Socket>();

  const server = http.createServer((message, response) => {
    requests.push(`${message.method} ${message.url}`);
    if (hangs) return;
    if (!isAllowed(message)) return void response.writeHead(407).end();
    forward(message, response, to.port);
  });
  server.on('connect', (message, client: net.Socket) => {
    requests.push(`CONNECT ${message.url}`);
    tunnels.add(client);
    client.on('error', () => undefined);
    // Without a reader it would not see that its client has gone.
    if (hangs) return void client.resume().on('end', () => client.destroy());
    if (!isAllowed(message)) return void client.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
    const [host = ''] = message.url?.split(':') ?? [];
    const upstream = net.connect((hosts?.[host] ?? to).port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      upstream.pipe(client).pipe(upstream);
    });
    upstream.on('error', () => client.destroy());
    client.on('close', () => upstream.destroy());
  });
  const port = await listen(server);
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    connections: () =>
      new Promise((settle, reject) =>
        server.getConnections((error, count) => (error ? reject(error) : settle(count))),
      ),
    async [Symbol.asyncDispose]() {
      for (const tunnel of tunnels) tunnel.destroy();
      await close(server);
    },
  };
}

/** The TLS in front of an HTTP server. */
export async function startTlsFront(to: {
  readonly port: number;
}): Promise<AsyncDisposable & { readonly port: number }> {
  const server = https.createServer(tlsIdentity(), (message, response) =>
    forward(message, response, to.port),
  );
  const port = await listen(server);
  return { port, [Symbol.asyncDispose]: () => close(server) };
}

function forward(message: IncomingMessage, response: ServerResponse, port: number): void {
  const { pathname, search } = new URL(message.url ?? '/', 'http://any');
  const { headers, method } = message;
  const request = http.request({ host: '127.0.0.1', port, path: pathname + search, method, headers });
  request.on('response', answer => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  request.on('error', () => response.destroy());
  message.pipe(request);
}

async function listen(server: net.Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function close(server: http.Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
