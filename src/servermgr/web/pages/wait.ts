import { html } from '../html.ts';
import { layout } from './layout.ts';
import { sessionCard } from './session-card.ts';
import type { WaitView } from './wait-view.ts';

export interface WaitPage {
  readonly base: string;
  readonly id: string;
  readonly view: WaitView;
  readonly nowMs: number;
  /** Another world was asked for while this session runs; undefined: none was. */
  readonly notice: string | undefined;
  /** The visitor has started the session, and may end it; undefined: it is another visitor's. */
  readonly own: { readonly csrf: string } | undefined;
}

/** The page of one session, for whoever has its address. */
export function waitPage({ base, id, view, nowMs, notice, own }: WaitPage): string {
  const over = view.phase === 'ended' || view.phase === 'failed';
  const card = sessionCard({
    ...{ view, nowMs },
    events: `${base}/events?q=${encodeURIComponent(id)}`,
    stop: own && { action: `${base}/stop`, fields: { _csrf: own.csrf, session: id } },
    again: `${base}/`,
  });
  return layout({
    title: view.headline,
    base,
    refreshSeconds: over ? undefined : view.phase === 'starting' ? 2 : 5,
    body: html`${notice !== undefined && html`<p class="notice" role="status">${notice}</p>`}
${card}
<p class="hint keeps">This page keeps itself up to date. Its address can be sent to those who play with you.</p>`,
  });
}
