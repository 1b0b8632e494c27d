import type { FastifyInstance, FastifyReply } from 'fastify';
import { pause } from '../../../runtime/abort.ts';
import { FILE, type LiveLogs, MAX_LINES } from '../../operators/live-logs.ts';
import { isSessionName } from '../../session-id.ts';
import { noSuchSession, sendPage } from '../errors.ts';
import type { EventStream } from '../event-stream.ts';
import { networkOf } from '../network.ts';
import { logPage } from '../pages/log.ts';
import type { RouteTools } from '../route-tools.ts';

type WithName = { Querystring: { name?: unknown } };

/** How long a page waits for the end of the log, which has to be found in the journal first. */
const FIRST_LINES_MS = 5_000;
/** Lines come a segment at a time: those that follow at once belong to the same answer. */
const SETTLE_MS = 500;
const RETRY_S = 30;
const TOO_MANY = 'The logs of too many sessions are being read. Close another one, and reload this page.';

/** The log of a session that runs: a page, and the events that keep it up to date. */
export async function logRoutes(app: FastifyInstance, tools: RouteTools): Promise<void> {
  const { streams, operators } = tools;
  const { liveLogs } = operators;

  app.get<WithName>('/admin/log', async (request, reply) => {
    const { name } = request.query;
    if (typeof name !== 'string' || !isSessionName(name)) return noSuchSession(reply);
    const { lines, end } = await lastLines(liveLogs, name);
    return sendPage(reply, logPage({ base: app.basePath, name, file: FILE, lines, end }));
  });

  app.get<WithName>('/admin/log/events', { exposeHeadRoute: false }, async (request, reply) => {
    const { name } = request.query;
    if (typeof name !== 'string' || !isSessionName(name)) return noSuchSession(reply);
    // The stream of a client that has disconnected meanwhile would never be closed.
    if (request.raw.destroyed) return reply.hijack();
    let stream: EventStream | undefined;
    let known: readonly string[] = [];
    const leave = liveLogs.follow(name, {
      lines(lines) {
        // What is known comes before there is a stream to send it by.
        if (stream === undefined) known = lines;
        else stream.send('lines', lines);
      },
      end(why) {
        stream?.send('end', why);
        stream?.end();
      },
    });
    if (leave === undefined) return tooMany(reply);
    stream = streams.open(reply, networkOf(request.ip));
    if (stream === undefined) {
      leave();
      return tooMany(reply);
    }
    stream.onClose(leave);
    // A browser that connects again gets the last lines once more, in place of those that it has.
    stream.send('anew', known);
    return reply;
  });
}

function tooMany(reply: FastifyReply): FastifyReply {
  reply.header('retry-after', RETRY_S).header('connection', 'close');
  return reply.code(503).send({ error: TOO_MANY });
}

/** The last lines that a journal has now, for a page. */
async function lastLines(
  liveLogs: LiveLogs,
  name: string,
): Promise<{ readonly lines: readonly string[]; readonly end: string | undefined }> {
  const over = new AbortController();
  let first = new AbortController();
  let end: string | undefined;
  let lines: string[] = [];
  const leave = liveLogs.follow(name, {
    lines(more) {
      lines = [...lines, ...more].slice(-MAX_LINES);
      first.abort();
    },
    end(why) {
      end = why;
      over.abort();
      first.abort();
    },
  });
  if (leave === undefined) return { lines, end: TOO_MANY };
  try {
    await pause(FIRST_LINES_MS, first.signal);
    while (!over.signal.aborted && first.signal.aborted) {
      first = new AbortController();
      await pause(SETTLE_MS, first.signal);
    }
    return { lines, end };
  } finally {
    leave();
  }
}
