import type { WaitView } from '../../src/servermgr/web/pages/wait-view.ts';

/** What the process of the viewers is told. */
export type ToViewers =
  /** Follow the page of a session, at the instance of that URL. */
  { readonly do: 'follow'; readonly id: string; readonly origin: string } | { readonly do: 'count' };

/** What it tells. */
export type FromViewers =
  | { readonly kind: 'event'; readonly id: string; readonly atMs: number; readonly view: WaitView }
  | { readonly kind: 'closed'; readonly id: string; readonly why: string }
  /** Of each viewer: the bytes that have come, those of events and those that keep the connection. */
  | { readonly kind: 'counts'; readonly bytes: Readonly<Record<string, number>> };
