import type { SavedReport } from '../../../report/saved-report.ts';
import type { Spending } from '../../database/admission.ts';
import type { Fault } from '../../fleet/fault.ts';
import type { SessionView } from '../../fleet/view.ts';
import { type Html, html } from '../html.ts';
import { addressText, bytesText, dashboardUrl, dollarsText, durationText, momentText } from '../labels.ts';
import { actionForm } from './admin-action.ts';
import { adminNav } from './admin-nav.ts';
import { layout } from './layout.ts';

export interface AdminPage {
  readonly base: string;
  readonly sessions: readonly AdminRow[];
  readonly limit: number;
  readonly launcher: string;
  readonly fault: Fault | undefined;
  readonly launchFault: Fault | undefined;
  /** undefined: there is no budget. */
  readonly spending: Spending | undefined;
  readonly csrf: string;
  readonly nowMs: number;
}

export interface AdminRow {
  readonly view: SessionView;
  /** It has left a journal and no archive. */
  readonly recoverable: boolean;
}

/** Every running and recent session, and what can be done about it. */
export function adminPage(page: AdminPage): string {
  const { sessions, fault, launchFault } = page;
  const alive = sessions.filter(({ view }) => view.ended === undefined);
  const over = sessions.filter(({ view }) => view.ended !== undefined);
  return layout({
    title: 'Fleet',
    base: page.base,
    wide: true,
    refreshSeconds: 15,
    body: html`${adminNav(page.base, '/admin')}<h1 data-reload>Fleet</h1>
${fault !== undefined && html`<p class="notice" role="alert">The launcher cannot be asked just now (${fault.why}): what is shown is ${fault.sinceMs > 0 && `${durationText(page.nowMs - fault.sinceMs)} `}old, servers excepted.</p>`}
${launchFault !== undefined && html`<p class="notice" role="alert">No session can be launched just now: ${launchFault.why}.</p>`}
${figures(page, alive)}
${table('Running', alive, page)}
${alive.length > 0 && html`<p><a class="button danger" href="${page.base}/admin/stop-all">Stop all…</a></p>`}
${table('Recent', over, page)}`,
  });
}

function figures({ limit, launcher, spending }: AdminPage, alive: readonly AdminRow[]): Html {
  const people = alive.reduce((sum, { view }) => sum + view.people, 0);
  const costs = alive.map(({ view }) => view.costPerHour);
  const cost = costs.reduce<number>((sum, each) => sum + (each ?? 0), 0);
  const unknown = costs.some(each => each === undefined);
  return html`<div class="figures">
${figure(`${alive.length} of ${limit}`, `sessions, on ${launcher}`)}
${figure(String(people), people === 1 ? 'person online' : 'people online')}
${figure(`${unknown ? '≥ ' : ''}${dollarsText(cost)}`, 'an hour for the fleet, about')}
${spending && figure(`≤ ${dollarsText(spending.atMost)} of ${dollarsText(spending.budget)}`, 'today (UTC), if nothing more is launched')}
</div>`;
}

function figure(value: string, text: string): Html {
  return html`<div class="figure"><b>${value}</b><span>${text}</span></div>`;
}

function table(caption: string, rows: readonly AdminRow[], page: AdminPage): Html {
  if (rows.length === 0) return html`<h2>${caption}</h2><p class="hint">None.</p>`;
  return html`<table class="sessions"><caption>${caption}</caption>
<thead><tr><th scope="col">Session</th><th scope="col">State</th><th scope="col">Age</th><th scope="col">People</th>
<th scope="col">Archive</th><th scope="col">How it ended</th><th scope="col">Actions</th></tr></thead>
<tbody>${rows.map(row => tableRow(row, page))}</tbody></table>`;
}

function tableRow({ view, recoverable }: AdminRow, { base, csrf, nowMs }: AdminPage): Html {
  const { name, world, where, phase, progress, ended, address, dashboard, requestedMs: askedMs } = view;
  const report = ended?.report;
  return html`<tr>
<td data-label="Session"><span><a href="${base}/admin/session?name=${encodeURIComponent(name)}"><code>${name}</code></a><br /><span class="small">${[world, whereText(where)].filter(Boolean).join(' · ')}</span></span></td>
<td data-label="State"><span><span class="state ${phase}">${phase === 'starting' ? `starting, ${progress} %` : phase}</span>
${address && html`<br /><code class="small">${addressText(address)}</code>`}
${dashboard && html`<br /><a class="small" href="${dashboardUrl(dashboard)}" aria-label="Dashboard of ${name}">Dashboard</a>`}</span></td>
<td data-label="Age"><span>${durationText((ended?.atMs ?? nowMs) - askedMs)}<br /><span class="small">${momentText(askedMs)}</span></span></td>
<td data-label="People"><span>${ended === undefined ? presentText(view) : (report?.peak ?? '–')}</span></td>
<td data-label="Archive">${report?.archive ? bytesText(report.archive.bytes) : '–'}</td>
<td data-label="How it ended"><span>${ended?.text ?? '–'}${ended?.cause && html`<br /><span class="small bad">${ended.cause}</span>`}${Boolean(report?.exitCode) && html`<br /><span class="small bad">exit code ${report?.exitCode}</span>`}${report?.incomplete.map(text => html`<br /><span class="small bad">${text}</span>`)}${report && builtOf(report)}</span></td>
<td data-label="Actions"><div class="actions">
${ended === undefined && phase !== 'ending' && actionForm('stop', { base, name, csrf, label: 'Stop', danger: true, confirm: `Stop ${name}? What was recorded is saved.` })}
${recoverable && actionForm('recover', { base, name, csrf, label: 'Recover' })}
${report?.archive && html`<a class="button" href="${base}/admin/archive?session=${encodeURIComponent(name)}" aria-label="Archive of ${name}">Archive</a>`}
</div></td></tr>`;
}

/** Which bot, and which supervisor, the session had: commits go by their first seven digits. */
function builtOf({ bot, supervisor }: SavedReport): Html {
  const parts = [bot && `bot ${bot.slice(0, 7)}`, supervisor && `supervisor ${supervisor.slice(0, 7)}`];
  const known = parts.filter(Boolean).join(', ');
  return html`${known !== '' && html`<br /><span class="small">${known}</span>`}`;
}

function presentText({ people, isEstimate, agentInGame }: SessionView): Html {
  const agent = agentInGame === false && html`<br /><span class="small bad">agent not in the game</span>`;
  return html`${isEstimate && people > 0 && 'about '}${people}${agent}`;
}

/** A task goes by the last part of its ARN. */
function whereText(where: string): string {
  return where.replace(/^arn:.*\//, 'task ');
}
