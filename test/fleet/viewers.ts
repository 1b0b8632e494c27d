import { fork } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { WaitView } from '../../src/servermgr/web/pages/wait-view.ts';
import type { FromViewers, ToViewers } from './viewer-messages.ts';

const MAIN = fileURLToPath(new URL('./viewers-main.ts', import.meta.url));

/** What a viewer was told, and when. */
export interface ViewEvent {
  readonly atMs: number;
  readonly view: WaitView;
}

export interface Viewers extends AsyncDisposable {
  follow(id: string, origin: string): void;
  /** All that the viewer of a session was told. */
  eventsOf(id: string): readonly ViewEvent[];
  /** Why viewers are told nothing any more, by session. */
  closed(): ReadonlyMap<string, string>;
  /** Waits for what a viewer is told. @returns undefined when it has not come in time */
  sees(id: string, is: (view: WaitView) => boolean, withinMs: number): Promise<ViewEvent | undefined>;
  /** The bytes that have come to each viewer, those that keep the connection among them. */
  bytes(): Promise<Readonly<Record<string, number>>>;
}

/** Viewers in a process of their own, whose work does not count as that of the instances. */
export function startViewers(): Viewers {
  const child = fork(MAIN, { serialization: 'advanced' });
  const ended = once(child, 'close');
  const news = new EventEmitter().setMaxListeners(0);
  const events = new Map<string, ViewEvent[]>();
  const closed = new Map<string, string>();
  const send = (message: ToViewers) => void child.send(message);

  child.on('message', (message: FromViewers) => {
    if (message.kind === 'counts') return news.emit('counts', message.bytes);
    if (message.kind === 'closed') return closed.set(message.id, message.why);
    const { id, atMs, view } = message;
    const event = { atMs, view };
    events.set(id, [...(events.get(id) ?? []), event]);
    return news.emit(id, event);
  });

  return {
    follow: (id, origin) => send({ do: 'follow', id, origin }),
    eventsOf: id => events.get(id) ?? [],
    closed: () => closed,
    async sees(id, is, withinMs) {
      const seen = events.get(id)?.find(({ view }) => is(view));
      if (seen !== undefined) return seen;
      const { promise, resolve } = Promise.withResolvers<ViewEvent | undefined>();
      const look = (event: ViewEvent) => {
        if (is(event.view)) resolve(event);
      };
      const timer = setTimeout(resolve, withinMs, undefined);
      news.on(id, look);
      try {
        return await promise;
      } finally {
        news.off(id, look);
        clearTimeout(timer);
      }
    },
    async bytes() {
      const counted = once(news, 'counts');
      send({ do: 'count' });
      const [bytes] = (await counted) as [Readonly<Record<string, number>>];
      return bytes;
    },
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended;
    },
  };
}
