import type { SessionView } from '../../fleet/view.ts';
import { html } from '../html.ts';
import { momentText } from '../labels.ts';
import { adminNav } from './admin-nav.ts';
import { layout } from './layout.ts';

export interface StopAllPage {
  readonly base: string;
  /** Those that run, and were not asked to end yet. */
  readonly running: readonly SessionView[];
  readonly csrf: string;
  readonly nowMs: number;
}

/** Asks before all sessions are stopped. */
export function stopAllPage({ base, running, csrf, nowMs }: StopAllPage): string {
  const people = running.reduce((sum, view) => sum + view.people, 0);
  const sessions = running.length === 1 ? '1 session runs' : `${running.length} sessions run`;
  const players = people === 1 ? '1 person is' : `${people} people are`;
  const back = html`<a class="button" href="${base}/admin">Back, and stop none</a>`;
  const form = html`<form method="post" action="${base}/admin/stop-all">
<input type="hidden" name="_csrf" value="${csrf}" /><input type="hidden" name="until" value="${nowMs}" />
<p class="actions"><button class="button danger" type="submit">Stop ${running.length === 1 ? 'it' : `all ${running.length}`}</button> ${back}</p></form>`;
  return layout({
    title: 'Stop all sessions',
    base,
    body: html`${adminNav(base, '/admin')}<section class="card"><h1>Stop all sessions?</h1>
<p>${sessions}, and ${players} in the game. Each is ended as its own Stop button does: what was recorded is saved.</p>
<p>A session that somebody launches after ${momentText(nowMs)} is not stopped, and launching is not prevented.</p>
${running.length > 0 ? form : html`<p>${back}</p>`}</section>`,
  });
}
