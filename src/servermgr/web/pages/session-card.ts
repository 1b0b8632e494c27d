import { type Html, html } from '../html.ts';
import { durationText } from '../labels.ts';
import type { WaitView } from './wait-view.ts';

export interface SessionCard {
  readonly view: WaitView;
  readonly nowMs: number;
  /** The URL of the events that keep it up to date. */
  readonly events: string;
  /** The form that ends the session; undefined: whoever sees the card may not. */
  readonly stop: StopForm | undefined;
  /** Where another session can be started; undefined: nowhere. */
  readonly again: string | undefined;
}

export interface StopForm {
  readonly action: string;
  readonly fields: Readonly<Record<string, string>>;
}

const STEPS = [
  { at: 30, text: 'Asked for' },
  { at: 50, text: 'Computer found' },
  { at: 75, text: 'Computer started' },
  { at: 90, text: 'Game started' },
  { at: 100, text: 'Ready to play' },
] as const;

/**
 * How far a session is, where to connect, and how it ended. All parts are there from the beginning; `data-phase` on
 * the card says which of them show, `data-text` marks the texts that events bring up to date, `data-href` the links,
 * `data-moment` the moments that are counted from or to, and `data-if` what shows unless it is empty.
 */
export function sessionCard({ view, nowMs, events, stop, again }: SessionCard): Html {
  return html`<section class="card session" data-events="${events}" data-phase="${view.phase}" data-now="${new Date(nowMs).toISOString()}" data-progress="${view.progress}">
<div role="status" aria-live="polite">
<h1 data-text="headline">${view.headline}</h1>
<p class="lead" data-text="detail">${view.detail}</p>
</div>
${progress(view, nowMs)}
<p class="needs ${goneIf(view.version)}" data-show="starting ready" data-if="version">You need Minecraft Java Edition <strong data-text="version">${view.version}</strong>.</p>
${connect(view)}
${facts(view, nowMs)}
${age(view, nowMs)}
<p class="hint gone" data-waiting role="status">This page is not up to date just now: it asks again every few seconds.</p>
<p class="summary" data-show="ended failed" data-text="archive">${view.archive}</p>
<p class="summary bad" data-show="ended failed" data-text="incomplete">${view.incomplete}</p>
${again !== undefined && html`<p class="again" data-show="ended failed"><a class="go" href="${again}">Start another</a></p>`}
${stop && stopForm(stop)}
</section>`;
}

function progress({ progress: value, asked, usual }: WaitView, nowMs: number): Html {
  return html`<div class="progress" data-show="starting failed">
<progress max="100" value="${value}" aria-label="How far the server is">${value} %</progress>
<ol class="steps">${STEPS.map(
    ({ at, text }) =>
      html`<li data-at="${at}" class="${value >= at ? 'done' : ''}"><span>${text}<span class="unseen">, done</span></span></li>`,
  )}</ol>
<p class="hint" data-show="starting">${since('asked', asked, nowMs)} so far<span data-if="usual" class="${goneIf(usual)}">; it usually takes about <span data-text="usual">${usual}</span></span>.</p>
</div>`;
}

function connect({ address, dashboard }: WaitView): Html {
  return html`<div class="connect" data-show="ready">
<label for="address">Address</label>
<div class="address"><output id="address" data-text="address">${address}</output>
<button class="button copy" type="button" data-copy="address">Copy<span class="unseen"> the address</span></button>
<span class="copied" role="status" data-copied></span></div>
<p class="dashboard ${goneIf(dashboard)}" data-if="dashboard">The agent’s dashboard:
<a href="${dashboard}" data-href="dashboard" data-text="dashboard">${dashboard}</a></p>
</div>`;
}

function facts(
  { people, agent, since: sinceMs, ends, until: untilMs, waitsFor }: WaitView,
  nowMs: number,
): Html {
  return html`<dl class="facts" data-show="ready">
<div><dt>People</dt><dd data-text="people">${people}</dd></div>
<div data-if="agent" class="${goneIf(agent)}"><dt>Agent</dt><dd data-text="agent">${agent}</dd></div>
<div><dt>Has run</dt><dd>${since('since', sinceMs, nowMs)}</dd></div>
<div data-if="ends" class="${goneIf(ends)}"><dt>Time left</dt><dd><span class="about">about</span> ${until('ends', ends, nowMs)}</dd></div>
<div data-if="until" class="${goneIf(untilMs)}"><dt>Waits for <span data-text="waitsFor">${waitsFor}</span></dt>
<dd><span class="about">about</span> ${until('until', untilMs, nowMs)}</dd></div>
</dl>`;
}

/** Whether the server answers is asked all the same. */
function age({ known }: WaitView, nowMs: number): Html {
  return html`<p class="hint ${goneIf(known)}" data-if="known" role="status">Nothing new has been heard of its computer for
${since('known', known, nowMs)}; it is asked again all the time.</p>`;
}

function stopForm({ action, fields }: StopForm): Html {
  return html`<form class="end" data-show="starting ready" method="post" action="${action}" data-confirm="End your session? What was recorded is saved.">
${Object.entries(fields).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`)}
<button class="button" type="submit">End my session</button></form>`;
}

/** A duration that grows: the page goes on to count it. */
function since(name: keyof WaitView, moment: string, nowMs: number): Html {
  return html`<time data-since="${moment}" data-moment="${name}">${moment && durationText(nowMs - Date.parse(moment))}</time>`;
}

/** One that shrinks. */
function until(name: keyof WaitView, moment: string, nowMs: number): Html {
  return html`<time data-until="${moment}" data-moment="${name}">${moment && durationText(Date.parse(moment) - nowMs)}</time>`;
}

function goneIf(text: string): string {
  return text === '' ? 'gone' : '';
}
