import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type Certificate, makeCertificate } from './certificate.ts';

/** A site that browsers find under its name, at the usual port: see {@link resolverRules}. */
export interface HttpsSite extends AsyncDisposable {
  readonly name: string;
  /** `https://<name>`: what a browser calls it. */
  readonly origin: string;
  /** Where it listens, on loopback. */
  readonly port: number;
}

/** Serves a name of its own by HTTPS, with a certificate that is made for this run. */
export async function startHttpsSite(
  name: string,
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<HttpsSite> {
  const certificate: Certificate = await makeCertificate(name);
  const server: Server = createServer({ ...certificate }, handle);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    name,
    origin: `https://${name}`,
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The argument with which Chromium finds these sites; its contexts need `ignoreHTTPSErrors`. */
export function resolverRules(...sites: readonly Pick<HttpsSite, 'name' | 'port'>[]): string {
  return `--host-resolver-rules=${sites.map(({ name, port }) => `MAP ${name} 127.0.0.1:${port}`).join(',')}`;
}
