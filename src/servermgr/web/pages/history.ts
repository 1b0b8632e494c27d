import { END_REASONS } from '../../fleet/end-reason.ts';
import type { HistoryEntry } from '../../operators/history.ts';
import { type HistoryFields, historySearch, PHASES } from '../history-query.ts';
import { type Html, html } from '../html.ts';
import { bytesText, durationText, momentText } from '../labels.ts';
import { adminNav } from './admin-nav.ts';
import { layout } from './layout.ts';

export interface HistoryPage {
  readonly base: string;
  readonly fields: HistoryFields;
  /** What is wrong with them; undefined: nothing. */
  readonly fault: string | undefined;
  readonly entries: readonly HistoryEntry[];
  /** The name of the last one that is shown, if there are more. */
  readonly older: string | undefined;
  readonly worlds: readonly { readonly id: string; readonly title: string }[];
}

/** All sessions that there ever were, and a search among them. */
export function historyPage(page: HistoryPage): string {
  const { base, fields, fault, entries, older } = page;
  const filters = { ...fields, before: undefined };
  const path = `${base}/admin/history`;
  return layout({
    title: 'History',
    base,
    wide: true,
    body: html`${adminNav(base, '/admin/history')}<h1>History</h1>
${fault !== undefined && html`<p class="notice" role="alert">${fault}</p>`}
${searchForm(page)}
${fault === undefined && results(base, entries)}
<p class="pages">${fields.before !== undefined && html`<a href="${path}${historySearch(filters)}">Newest</a>`}
${older !== undefined && html`<a href="${path}${historySearch({ ...filters, before: older })}" rel="next">Older</a>`}</p>
${fault === undefined && exports(base, historySearch(filters))}`,
  });
}

function searchForm({ base, fields, worlds }: HistoryPage): Html {
  const known = worlds.some(({ id }) => id === fields.world) || fields.world === undefined;
  const others = known ? [] : [{ id: fields.world ?? '', title: fields.world ?? '' }];
  const worldsToChoose = [...worlds, ...others].map(({ id, title }) => [id, title] as const);
  return html`<form class="card search" method="get" action="${base}/admin/history" role="search" aria-label="Sessions">
<div class="fields">
${input({ name: 'session', label: 'Session', value: fields.session, hint: 'its whole name, or its id' })}
${select('world', 'World', fields.world, worldsToChoose)}
${select(
  'phase',
  'State',
  fields.phase,
  PHASES.map(phase => [phase, phase] as const),
)}
${select('end', 'How it ended', fields.end, Object.entries(END_REASONS))}
${input({ name: 'from', label: 'Requested from', value: fields.from, type: 'date', hint: 'days are UTC’s' })}
${input({ name: 'to', label: 'Requested to', value: fields.to, type: 'date' })}
${input({ name: 'study', label: 'Study', value: fields.study, hint: 'its number' })}
${input({ name: 'participant', label: 'Participant', value: fields.participant, hint: 'the pseudonym, P-…' })}
${input({ name: 'note', label: 'Note', value: fields.note, hint: 'a part of its text' })}
</div>
<button class="button" type="submit">Search</button>
<a href="${base}/admin/history">Show all</a>
</form>`;
}

interface Input {
  readonly name: keyof HistoryFields;
  readonly label: string;
  readonly value: string | undefined;
  readonly type?: 'text' | 'date';
  readonly hint?: string;
}

function input({ name, label, value, type = 'text', hint }: Input): Html {
  return html`<div class="field"><label for="f-${name}">${label}</label>
<input id="f-${name}" name="${name}" type="${type}" value="${value}" maxlength="200" autocomplete="off" ${hint && html`aria-describedby="h-${name}"`} />
${hint && html`<span class="small" id="h-${name}">${hint}</span>`}</div>`;
}

function select(
  name: keyof HistoryFields,
  label: string,
  value: string | undefined,
  choices: readonly (readonly [value: string, text: string])[],
): Html {
  const options = choices.map(
    ([id, text]) => html`<option value="${id}" ${id === value && html`selected`}>${text}</option>`,
  );
  return html`<div class="field"><label for="f-${name}">${label}</label>
<select id="f-${name}" name="${name}"><option value="">any</option>${options}</select></div>`;
}

function results(base: string, entries: readonly HistoryEntry[]): Html {
  if (entries.length === 0) return html`<p>No session is like that.</p>`;
  return html`<table class="sessions"><caption>Sessions, the newest first</caption>
<thead><tr><th scope="col">Session</th><th scope="col">State</th><th scope="col">Requested</th><th scope="col">Lasted</th>
<th scope="col">People</th><th scope="col">Archive</th><th scope="col">How it ended</th></tr></thead>
<tbody>${entries.map(entry => row(base, entry))}</tbody></table>`;
}

function row(base: string, { record, view }: HistoryEntry): Html {
  const { name, world, phase, ended } = view;
  const { requestedMs, overMs, report } = record;
  const endMs = ended?.atMs ?? overMs;
  return html`<tr>
<td data-label="Session"><span><a href="${base}/admin/session?name=${encodeURIComponent(name)}"><code>${name}</code></a><br /><span class="small">${world}</span></span></td>
<td data-label="State"><span class="state ${phase}">${phase}</span></td>
<td data-label="Requested">${momentText(requestedMs)}</td>
<td data-label="Lasted">${endMs === undefined ? '–' : durationText(endMs - requestedMs)}</td>
<td data-label="People">${report?.peak ?? '–'}</td>
<td data-label="Archive">${report?.archive ? bytesText(report.archive.bytes) : '–'}</td>
<td data-label="How it ended">${ended?.text ?? '–'}</td></tr>`;
}

function exports(base: string, search: string): Html {
  return html`<h2>Download</h2>
<p>All sessions that the search finds, not only those on this page:
<a href="${base}/admin/export/sessions.csv${search}" download>as CSV</a>,
<a href="${base}/admin/export/sessions.json${search}" download>as JSON</a>.</p>`;
}
