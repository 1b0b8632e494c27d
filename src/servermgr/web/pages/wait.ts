import { type Html, html } from '../html.ts';
import { durationText } from '../labels.ts';
import { layout } from './layout.ts';
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

const STEPS = [
  { at: 30, text: 'Asked for' },
  { at: 50, text: 'Machine found' },
  { at: 75, text: 'Address known' },
  { at: 90, text: 'Port open' },
  { at: 100, text: 'Ready' },
] as const;

/**
 * How far a session is, where to connect, and how it ended. All parts are there from the beginning; `data-phase` on
 * the card says which of them show, `data-text` marks the texts that events bring up to date, and `data-href` the links.
 */
export function waitPage({ base, id, view, nowMs, notice, own }: WaitPage): string {
  const over = view.phase === 'ended' || view.phase === 'failed';
  return layout({
    title: view.headline,
    base,
    refreshSeconds: over ? undefined : view.phase === 'starting' ? 2 : 5,
    body: html`${notice !== undefined && html`<p class="notice" role="status">${notice}</p>`}
<section class="card session" data-events="${base}/events?q=${encodeURIComponent(id)}" data-phase="${view.phase}" data-now="${new Date(nowMs).toISOString()}" data-progress="${view.progress}">
<div role="status" aria-live="polite">
<h1 data-text="headline">${view.headline}</h1>
<p class="lead" data-text="detail">${view.detail}</p>
</div>
${progress(view)}
${connect(view)}
${facts(view, nowMs)}
${age(view, nowMs)}
<p class="hint gone" data-waiting role="status">This page is not up to date just now: it asks again every few seconds.</p>
<p class="summary" data-show="ended failed" data-text="archive">${view.archive}</p>
<p class="summary bad" data-show="ended failed" data-text="incomplete">${view.incomplete}</p>
<p data-show="ended failed"><a class="go" href="${base}/">Start another</a></p>
${own && stopForm({ base, id, ...own })}
</section>
<p class="hint">This page keeps itself up to date. Its address can be sent to those who play with you.</p>`,
  });
}

function progress({ progress: value }: WaitView): Html {
  return html`<div class="progress" data-show="starting failed">
<progress max="100" value="${value}" aria-label="How far the server is">${value} %</progress>
<ol class="steps">${STEPS.map(
    ({ at, text }) => html`<li data-at="${at}" class="${value >= at ? 'done' : ''}">${text}</li>`,
  )}</ol>
</div>`;
}

function connect({ address, dashboard, version }: WaitView): Html {
  return html`<div class="connect" data-show="ready">
<label for="address">Address</label>
<div class="address"><output id="address" data-text="address">${address}</output>
<button class="button copy" type="button" data-copy="address">Copy</button></div>
<p class="hint">Minecraft Java Edition <strong data-text="version">${version}</strong></p>
<p class="dashboard ${dashboard === '' ? 'gone' : ''}" data-if="dashboard">The agent’s dashboard:
<a href="${dashboard}" data-href="dashboard" data-text="dashboard">${dashboard}</a></p>
</div>`;
}

function facts({ people, agent, since, until, waitsFor }: WaitView, nowMs: number): Html {
  return html`<dl class="facts" data-show="ready">
<div><dt>Online</dt><dd data-text="people">${people}</dd></div>
<div data-if="agent" class="${agent === '' ? 'gone' : ''}"><dt>Agent</dt><dd data-text="agent">${agent}</dd></div>
<div><dt>Has run</dt><dd><time data-since="${since}" data-moment="since">${since && durationText(nowMs - Date.parse(since))}</time></dd></div>
<div data-if="until" class="${until === '' ? 'gone' : ''}"><dt>Waits <span data-text="waitsFor">${waitsFor}</span></dt>
<dd><span class="about">about</span> <time data-until="${until}" data-moment="until">${until && durationText(Date.parse(until) - nowMs)}</time></dd></div>
</dl>`;
}

/** Whether the server answers is asked all the same. */
function age({ known }: WaitView, nowMs: number): Html {
  return html`<p class="hint ${known === '' ? 'gone' : ''}" data-if="known" role="status">Of its machine nothing new is known for
<time data-since="${known}" data-moment="known">${known && durationText(nowMs - Date.parse(known))}</time>; that is asked again all the time.</p>`;
}

function stopForm({ base, id, csrf }: { base: string; id: string; csrf: string }): Html {
  return html`<form class="end" data-show="starting ready" method="post" action="${base}/stop" data-confirm="End your session? What was recorded is saved.">
<input type="hidden" name="_csrf" value="${csrf}" /><input type="hidden" name="session" value="${id}" />
<button class="button" type="submit">End my session</button></form>`;
}
