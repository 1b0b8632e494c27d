/** Many viewers of sessions' pages, each with a stream of its own, as a process that is told by messages whom to follow. */
import http from 'node:http';
import type { WaitView } from '../../src/servermgr/web/pages/wait-view.ts';
import type { FromViewers, ToViewers } from './viewer-messages.ts';

const bytes: Record<string, number> = {};

function tell(message: FromViewers): void {
  process.send?.(message);
}

function follow(id: string, origin: string): void {
  const closed = (why: string) => tell({ kind: 'closed', id, why });
  bytes[id] = 0;
  http
    .get(`${origin}/events?q=${id}`, { agent: false }, response => {
      let pending = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        bytes[id] = (bytes[id] ?? 0) + Buffer.byteLength(text);
        const parts = (pending + text).split('\n\n');
        pending = parts.pop() ?? '';
        for (const part of parts) take(id, part);
      });
      response.once('close', () => closed(`its stream has ended, with status ${response.statusCode}`));
      response.on('error', () => undefined);
    })
    .on('error', ({ message }) => closed(message));
}

function take(id: string, part: string): void {
  const data = /^data: (.*)$/m.exec(part)?.[1];
  if (data !== undefined) tell({ kind: 'event', id, atMs: Date.now(), view: JSON.parse(data) as WaitView });
}

process.on('message', (message: ToViewers) => {
  if (message.do === 'follow') follow(message.id, message.origin);
  else tell({ kind: 'counts', bytes });
});
process.once('disconnect', () => process.exit());
