import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

type Json = Record<string, unknown>;

export interface AwsRequest {
  readonly operation: string;
  readonly input: Json;
}

export interface AwsService extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly AwsRequest[];
}

/** What a service answers when it refuses. */
export class AwsFault extends Error {
  readonly type: string;

  constructor(type: string, message: string = type) {
    super(message);
    this.type = type;
  }
}

/**
 * A service of AWS's behind its JSON protocol: the operation in X-Amz-Target, JSON there and back, a fault's name in
 * `__type`. https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
 */
export async function serveAws(operations: Record<string, (input: Json) => Json>): Promise<AwsService> {
  const requests: AwsRequest[] = [];
  const server = createServer(async (message, response) => {
    const operation = String(message.headers['x-amz-target']).split('.')[1] ?? '';
    const input = JSON.parse((await text(message)) || '{}');
    requests.push({ operation, input });
    const { status, body } = answer(operation, input);
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(body));
  });
  function answer(operation: string, input: Json): { status: number; body: Json } {
    try {
      const act = operations[operation];
      if (act === undefined) throw new AwsFault('UnknownOperationException', operation);
      return { status: 200, body: act(input) };
    } catch (fault) {
      if (!(fault instanceof AwsFault)) throw fault;
      return { status: 400, body: { __type: fault.type, message: fault.message } };
    }
  }
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
