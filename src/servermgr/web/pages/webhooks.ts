import type { Delivery, DeliveryState } from '../../database/webhook-deliveries.ts';
import { type Html, html } from '../html.ts';
import { durationText, momentText } from '../labels.ts';
import { adminNav } from './admin-nav.ts';
import { layout } from './layout.ts';

export interface WebhooksPage {
  readonly base: string;
  readonly deliveries: readonly Delivery[];
  readonly csrf: string;
  readonly nowMs: number;
}

/** How each state looks: as those of sessions do. */
const CLASSES: Readonly<Record<DeliveryState, string>> = {
  pending: 'starting',
  delivered: 'ready',
  failed: 'failed',
};

/** The last webhooks, and what became of them. Of an endpoint only the host is shown: its URL may hold a secret. */
export function webhooksPage(page: WebhooksPage): string {
  const { base, deliveries } = page;
  return layout({
    title: 'Webhooks',
    base,
    wide: true,
    refreshSeconds: 15,
    body: html`${adminNav(base, '/admin/webhooks')}<h1 data-reload>Webhooks</h1>
${deliveries.length === 0 ? html`<p class="hint">None was sent yet. Who is told what happens is set in <code>SERVERMGR_WEBHOOKS</code>.</p>` : table(page)}`,
  });
}

function table(page: WebhooksPage): Html {
  return html`<table class="sessions"><caption>The last ${page.deliveries.length}</caption>
<thead><tr><th scope="col">Event</th><th scope="col">Session</th><th scope="col">Endpoint</th><th scope="col">State</th>
<th scope="col">Attempts</th><th scope="col">Last answer</th><th scope="col">Next try</th><th scope="col">Actions</th></tr></thead>
<tbody>${page.deliveries.map(delivery => row(delivery, page))}</tbody></table>`;
}

function row(delivery: Delivery, page: WebhooksPage): Html {
  const { event, type, session, host, state, attempts, answer, createdMs, nextMs, canSendAgain } = delivery;
  return html`<tr>
<td data-label="Event"><span>${type}<br /><code class="small">${event}</code><br /><span class="small">${momentText(createdMs)}</span></span></td>
<td data-label="Session">${session === undefined ? '–' : html`<code>${session}</code>`}</td>
<td data-label="Endpoint"><span class="broken">${host}</span></td>
<td data-label="State"><span class="state ${CLASSES[state]}">${state}</span></td>
<td data-label="Attempts">${attempts}</td>
<td data-label="Last answer"><span class="broken">${answer ?? '–'}</span></td>
<td data-label="Next try">${state === 'pending' ? nextText(nextMs - page.nowMs) : '–'}</td>
<td data-label="Actions"><div class="actions">${canSendAgain && again(delivery, page)}</div></td></tr>`;
}

function nextText(ms: number): string {
  return ms < 1_000 ? 'now' : `in ${durationText(ms)}`;
}

function again({ event, endpoint, host }: Delivery, { base, csrf }: WebhooksPage): Html {
  return html`<form method="post" action="${base}/admin/webhooks/again">
<input type="hidden" name="_csrf" value="${csrf}" /><input type="hidden" name="event" value="${event}" />
<input type="hidden" name="endpoint" value="${endpoint}" />
<button class="button" type="submit" aria-label="Send ${event} to ${host} again">Send again</button></form>`;
}
