import type { FastifyReply } from 'fastify';

export interface StreamLimits {
  readonly total: number;
  readonly perAddress: number;
}

export interface EventStream {
  send(event: string, data: unknown): void;
  end(): void;
  /** Called once, when the other side has gone or the stream was ended. */
  onClose(listener: () => void): void;
}

export interface Streams {
  /** Takes over a reply; undefined: there are too many streams already, and the reply is still free. */
  open(reply: FastifyReply, address: string): EventStream | undefined;
  count(): number;
  closeAll(): void;
}

/** Proxies end a connection on which nothing comes for a minute: Heroku after 55 s. */
const HEARTBEAT_MS = 20_000;
/** A reader that is so far behind has gone. */
const MOST_WAITING_BYTES = 64 * 1024;

/** Server-sent events: however many want them, only so many are open, and a slow reader costs no memory. */
export function newStreams({ total, perAddress }: StreamLimits): Streams {
  const open = new Set<EventStream & { beat(): void }>();
  const addresses = new Map<string, number>();
  const timer = setInterval(() => {
    for (const stream of open) stream.beat();
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

function start(reply: FastifyReply): EventStream & { beat(): void } {
  reply.hijack();
  const { raw } = reply;
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) raw.setHeader(name, value);
  }
  raw.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    // nginx and its like hold events back otherwise.
    'x-accel-buffering': 'no',
  });
  raw.on('error', () => raw.destroy());
  const write = (text: string) => {
    if (raw.destroyed || raw.writableEnded) return;
    if (raw.writableLength > MOST_WAITING_BYTES) raw.destroy();
    else raw.write(text);
  };
  write('retry: 3000\n\n');
  return {
    send: (event, data) => write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`),
    beat: () => write(': still here\n\n'),
    end: () => void raw.end(),
    onClose: listener => void raw.once('close', listener),
  };
}
