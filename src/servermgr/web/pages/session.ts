import type { SavedReport } from '../../../report/saved-report.ts';
import type { Note } from '../../database/notes-table.ts';
import { RECOVERY_STEPS, type RecoveryProgress } from '../../operators/recovery-progress.ts';
import type { TimelineEvent } from '../../operators/timeline.ts';
import type { SessionFacts } from '../admin/session-facts.ts';
import { type Html, html } from '../html.ts';
import { addressText, bytesText, dashboardUrl, dollarsText, momentText, peopleText } from '../labels.ts';
import { actionForm } from './admin-action.ts';
import { adminNav } from './admin-nav.ts';
import { layout } from './layout.ts';

export interface SessionPage {
  readonly base: string;
  readonly facts: SessionFacts;
  readonly notes: readonly Note[];
  readonly csrf: string;
}

const REFRESH_S = 15;

/** All that is known of one session, and what can be done about it. */
export function sessionPage(page: SessionPage): string {
  const { base, facts, notes } = page;
  const { view, recovery, isUnread } = facts;
  const isGoingOn = view.ended === undefined || recovery?.isAtWork === true;
  return layout({
    title: view.name,
    base,
    wide: true,
    refreshSeconds: isGoingOn ? REFRESH_S : undefined,
    body: html`${adminNav(base, '/admin/history')}<h1 class="name" ${isGoingOn && html`data-reload`}>Session <code>${view.name}</code></h1>
${isUnread && html`<p class="notice" role="alert">The destination cannot be looked at just now: whether there is a journal is not known.</p>`}
${actions(page)}
${recovery && recoverySection(recovery)}
${factList(facts)}
<h2>What has happened</h2>
<ol class="timeline">${facts.timeline.map(event)}</ol>
<h2>Notes</h2>
${notes.length === 0 && html`<p>There are none.</p>`}
${notes.map(noteItem)}
${facts.record && html`<p><a class="button" href="${base}/admin/note?name=${encodeURIComponent(view.name)}">Add a note</a></p>`}`,
  });
}

function actions({ base, facts, csrf }: SessionPage): Html {
  const { view, isRecoverable } = facts;
  const { name, ended, phase } = view;
  const query = encodeURIComponent(name);
  const form = { base, name, csrf, back: 'session' } as const;
  return html`<div class="actions">
${ended === undefined && phase !== 'ending' && actionForm('stop', { ...form, label: 'Stop', danger: true, confirm: `Stop ${name}? What was recorded is saved.` })}
${isRecoverable && actionForm('recover', { ...form, label: 'Recover' })}
${ended?.report?.archive && html`<a class="button" href="${base}/admin/archive?session=${query}">Archive</a>`}
${ended === undefined && html`<a class="button" href="${base}/admin/log?name=${query}">Its log, as it is written</a>`}
</div>`;
}

function recoverySection({ done, isAtWork, details, faults }: RecoveryProgress): Html {
  const items = RECOVERY_STEPS.map(
    (step, index) =>
      html`<li class="${index < done && 'done'}">${step}${index === done - 1 && isAtWork && ' (now)'}</li>`,
  );
  return html`<section class="card" aria-labelledby="recovery"><h2 id="recovery">${isAtWork ? 'It is being recovered' : 'Its recovery has failed'}</h2>
<ol class="steps">${items}</ol>
${faults.map(fault => html`<p class="bad">${fault}</p>`)}
${details.length > 0 && html`<p class="hint">${details.join(' ')}</p>`}</section>`;
}

function factList({ view, record }: SessionFacts): Html {
  const { world, where, phase, address, dashboard, version, costPerHour, ended, knownMs } = view;
  const report = ended?.report;
  const items: readonly (readonly [term: string, value: Html | string | undefined | false])[] = [
    ['State', html`<span class="state ${phase}">${phase}</span>`],
    ['World', world],
    ['Runs as', where],
    ['Address', address && addressText(address)],
    ['Dashboard', dashboard && html`<a href="${dashboardUrl(dashboard)}">${dashboardUrl(dashboard)}</a>`],
    ['Minecraft', version],
    ['People', ended === undefined && peopleText(view.people, view)],
    ['Most people at once', String(report?.peak ?? record?.observation?.told?.peak ?? '')],
    ['Attempts to launch it', record && record.session.attempt > 1 && String(record.session.attempt)],
    ['Cost an hour', costPerHour !== undefined && dollarsText(costPerHour)],
    ['How it ended', ended?.text],
    ['In the launcher’s words', ended?.cause],
    ['Nothing new is known since', knownMs !== undefined && momentText(knownMs)],
    ...reportItems(report),
  ];
  return html`<dl class="known">${items.map(([term, value]) => Boolean(value) && html`<div><dt>${term}</dt><dd>${value}</dd></div>`)}</dl>`;
}

function reportItems(
  report: SavedReport | undefined,
): readonly (readonly [string, Html | string | undefined])[] {
  if (report === undefined) return [];
  const { exitCode, saved, archive, incomplete, bot, supervisor } = report;
  return [
    ['Exit code', exitCode === undefined ? undefined : String(exitCode)],
    ['Saved', saved],
    ['Archive', archive && html`<code>${archive.key}</code>, ${bytesText(archive.bytes)}`],
    ['May be missing', incomplete.join('; ')],
    ['Bot', bot],
    ['Supervisor', supervisor],
  ];
}

function event({ atMs, text }: TimelineEvent): Html {
  const iso = new Date(atMs).toISOString();
  return html`<li><time datetime="${iso}">${iso.slice(0, 19).replace('T', ' ')}</time> ${text}</li>`;
}

function noteItem({ atMs, who, text }: Note): Html {
  return html`<article class="note"><p class="small">${momentText(atMs)}, ${who}</p><p class="text">${text}</p></article>`;
}
