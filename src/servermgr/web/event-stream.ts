import type { FastifyReply } from 'fastify';

export interface StreamLimits {
  readonly total: number;
  readonly perNetwork: number;
}

export interface EventStream {
  send(event: string, data: unknown): void;
  end(): void;
  /** Called once, when the client has disconnected or the stream was ended. */
  onClose(listener: () => void): void;
}

export interface Streams {
  /** Sends a reply as a stream; undefined: too many streams are open, and the reply is not sent yet. */
  open(reply: FastifyReply, network: string): EventStream | undefined;
  count(): number;
  closeAll(): void;
}

/** Proxies close a connection that is idle for about a minute: Heroku after 55 s. */
const HEARTBEAT_MS = 20_000;
/** A client that has not read so much is disconnected. */
const MAX_BUFFERED_BYTES = 64 * 1024;

/** Server-sent events, with limits on the number of streams and on what a slow client may keep in memory. */
export function createStreams({ total, perNetwork }: StreamLimits): Streams {
  const open = new Set<EventStream & { heartbeat(): void }>();
  const networks = new Map<string, number>();
  const timer = setInterval(() => {
    for (const stream of open) stream.heartbeat();
  }, HEARTBEAT_MS);
  timer.unref();

  function count(network: string, change: 1 | -1): void {
    const now = (networks.get(network) ?? 0) + change;
    if (now === 0) networks.delete(network);
    else networks.set(network, now);
  }

  return {
    open(reply, network) {
      if (open.size >= total || (networks.get(network) ?? 0) >= perNetwork) return undefined;
      const stream = start(reply);
      open.add(stream);
      count(network, 1);
      stream.onClose(() => {
        open.delete(stream);
        count(network, -1);
      });
      return stream;
    },
    count: () => open.size,
    closeAll() {
      clearInterval(timer);
      for (const stream of open) stream.end();
    },
  };
}

function start(reply: FastifyReply): EventStream & { heartbeat(): void } {
  reply.hijack();
  const { raw } = reply;
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) raw.setHeader(name, value);
  }
  raw.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    // nginx buffers events otherwise.
    'x-accel-buffering': 'no',
  });
  raw.on('error', () => raw.destroy());
  const write = (text: string) => {
    if (raw.destroyed || raw.writableEnded) return;
    if (raw.writableLength > MAX_BUFFERED_BYTES) raw.destroy();
    else raw.write(text);
  };
  write('retry: 3000\n\n');
  return {
    send: (event, data) => write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`),
    heartbeat: () => write(': still here\n\n'),
    end: () => void raw.end(),
    onClose: listener => void raw.once('close', listener),
  };
}
