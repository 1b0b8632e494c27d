import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Webhook } from 'standardwebhooks';
import * as v from 'valibot';

export const WEBHOOK_SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

/** A request that an endpoint was sent, with its body as it came. */
export interface Received {
  readonly headers: Record<string, string>;
  readonly body: string;
}

const Message = v.looseObject({
  type: v.string(),
  data: v.optional(v.record(v.string(), v.unknown())),
});

/** What an endpoint is told. */
export type Message = Readonly<v.InferOutput<typeof Message>>;

export type Answering = (response: ServerResponse, request: IncomingMessage) => void;

export interface Receiver extends AsyncDisposable {
  readonly port: number;
  readonly received: readonly Received[];
  /** How it answers from now on. */
  answer(how: Answering): void;
  /** What was sent, with signatures that are verified. */
  messages(): Message[];
}

/** An endpoint: a web server of this machine. @param tls undefined: without */
export async function startReceiver(
  answering: Answering = response => void response.writeHead(204).end(),
  { tls, port = 0 }: { readonly tls?: { key: string; cert: string }; readonly port?: number } = {},
): Promise<Receiver> {
  const received: Received[] = [];
  let how = answering;
  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    received.push({ headers: request.headers as Record<string, string>, body });
    how(response, request);
  }
  const server = tls === undefined ? createServer(take) : createSecureServer(tls, take);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    received,
    answer(next) {
      how = next;
    },
    messages: () =>
      received.map(({ headers, body }) =>
        v.parse(Message, new Webhook(WEBHOOK_SECRET).verify(body, headers)),
      ),
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
