import type { FastifyReply } from 'fastify';

export interface StreamLimits {
  readonly total: number;
  readonly perAddress: number;
}

export interface EventStream {
  send(event: string, data: unknown): void;
  end(): void;
  /** Called once, when the client has disconnected or the stream was ended. */
  onClose(listener: () => void): void;
}

export interface Streams {
  /** Sends a reply as a stream; undefined: too many streams are open, and the reply is not sent yet. */
  open(reply: FastifyReply, address: string): EventStream | undefined;
  count(): number;
  closeAll(): void;
}

/** Proxies close a connection that is idle for about a minute: Heroku after 55 s. */
const HEARTBEAT_MS = 20_000;
/** A client that has not read so much is disconnected. */
const MAX_BUFFERED_BYTES = 64 * 1024;

/** Server-sent events, with limits on the number of streams and on what a slow client may keep in memory. */
export function createStreams({ total, perAddress }: StreamLimits): Streams {
  const open = new Set<EventStream & { heartbeat(): void }>();
  const addresses = new Map<string, number>();
  const timer = setInterval(() => {
    for (const stream of open) stream.heartbeat();
  }, HEARTBEAT_MS);
  timer.unref();

  function count(address: string, change: 1 | -1): void {
    const now = (addresses.get(address) ?? 0) + change;
    if (now === 0) addresses.delete(address);
    else addresses.set(address, now);
  }

  return {
    open(reply, address) {
      if (open.size >= total || (addresses.get(address) ?? 0) >= perAddress) return undefined;
      const stream = start(reply);
      open.add(stream);
      count(address, 1);
      stream.onClose(() => {
        open.delete(stream);
        count(address, -1);
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
