import type { StudyCounts } from '../../../database/study-export.ts';
import type { Platform, Study } from '../../../studies/study.ts';
import { type Html, html } from '../../html.ts';
import { adminNav } from '../admin-nav.ts';
import { layout } from '../layout.ts';
import { CODE_TEXTS } from './form.ts';
import { opennessText, sourcesText } from './list.ts';

export interface StudyPage {
  readonly base: string;
  /** The scheme and host that participants reach it at. */
  readonly origin: string;
  readonly csrf: string;
  readonly study: Study;
  readonly counts: StudyCounts;
  readonly nowMs: number;
}

/** One study: how it goes, what is entered at the platform, its links, its data. */
export function studyPage(page: StudyPage): string {
  const { base, study, counts, nowMs, csrf } = page;
  const here = `${base}/admin/studies/${study.number}`;
  const isClosed = study.closedMs !== undefined;
  return layout({
    title: study.name,
    base,
    body: html`${adminNav(base, '/admin/studies')}<h1>${study.name}</h1>
<p class="lead">Study ${study.number}, ${sourcesText(study)}: ${opennessText(study, nowMs)}.</p>
<div class="figures">${figure(`${counts.taken} of ${study.settings.seats}`, 'seats taken')}
${figure(String(counts.active), 'take part now')}${figure(String(counts.outcomes.finished ?? 0), 'finished')}</div>
<table class="sessions"><caption>What became of people</caption><thead><tr><th scope="col">Outcome</th><th scope="col">Code</th><th scope="col">How many</th></tr></thead>
<tbody>${Object.entries(CODE_TEXTS).map(([outcome, text]) => outcomeRow(study, counts, outcome, text))}
${outcomeRow(study, counts, 'returned', 'the platform took the place back')}${outcomeRow(study, counts, 'expired', 'closed the page before a session')}</tbody></table>
<div class="actions"><a class="button" href="${here}/edit">Change it</a>
${button(csrf, `${here}/${isClosed ? 'open' : 'close'}`, isClosed ? 'Open it again' : 'Close it')}
<a class="button" href="${here}/participations.csv">Export (CSV)</a>
<a class="button" href="${here}/participations.json">Export (JSON)</a></div>
${study.settings.platforms.map(platform => platformText(platform, page))}
${linksForm(here, csrf)}
${deleteForm(here, csrf)}`,
  });
}

function outcomeRow({ settings }: Study, { outcomes }: StudyCounts, outcome: string, text: string): Html {
  const code = Object.entries(settings.codes).find(([name]) => name === outcome)?.[1];
  return html`<tr><td data-label="Outcome">${text}</td><td data-label="Code">${code ? html`<code>${code}</code>` : '–'}</td><td data-label="How many">${outcomes[outcome] ?? 0}</td></tr>`;
}

function figure(value: string, text: string): Html {
  return html`<div class="figure"><b>${value}</b><span>${text}</span></div>`;
}

function button(csrf: string, action: string, label: string, confirm?: string): Html {
  return html`<form method="post" action="${action}" ${confirm && html`data-confirm="${confirm}"`}><input type="hidden" name="_csrf" value="${csrf}" />
<button class="button" type="submit">${label}</button></form>`;
}

/** What is entered at the platform, to copy. */
function platformText(platform: Platform, { study, origin, base }: StudyPage): Html {
  const url = `${origin}${base}/study/${study.number}`;
  switch (platform) {
    case 'prolific':
      return html`<section class="card" aria-labelledby="prolific"><h2 id="prolific">At Prolific</h2>
<p><strong>Study URL</strong>, with “I’ll use URL parameters”:</p>
<pre class="copyable"><code>${url}?PROLIFIC_PID={{%PROLIFIC_PID%}}&amp;STUDY_ID={{%STUDY_ID%}}&amp;SESSION_ID={{%SESSION_ID%}}</code></pre>
<p><strong>Completion paths</strong>: a code for each outcome, as the table above has them.</p></section>`;
    case 'mturk':
      return html`<section class="card" aria-labelledby="mturk"><h2 id="mturk">At MTurk</h2>
<p><strong>ExternalQuestion</strong>:</p>
<pre class="copyable"><code>&lt;ExternalQuestion xmlns="http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2006-07-14/ExternalQuestion.xsd"&gt;
  &lt;ExternalURL&gt;${url}&lt;/ExternalURL&gt;
  &lt;FrameHeight&gt;900&lt;/FrameHeight&gt;
&lt;/ExternalQuestion&gt;</code></pre></section>`;
    default:
      return platform satisfies never;
  }
}

function linksForm(here: string, csrf: string): Html {
  return html`<section class="card" aria-labelledby="links"><h2 id="links">Signed links</h2>
<p>One for each participant, for people whom you invite yourself, and to try the study. They work whatever the limits of a network are.</p>
<form method="post" action="${here}/links"><input type="hidden" name="_csrf" value="${csrf}" />
<p class="field"><label for="labels">A code for each participant (letters, digits, “.”, “_”, “-”), one a line; or how many you want</label>
<textarea id="labels" name="labels" rows="4" required></textarea></p>
<p class="field"><label for="days">Valid for so many days</label><input id="days" name="days" type="number" min="1" max="365" value="30" required /></p>
<button class="button" type="submit">Make links (CSV)</button></form>
${button(csrf, `${here}/withdraw`, 'Withdraw all links', 'Withdraw all links that were made so far?')}</section>`;
}

function deleteForm(here: string, csrf: string): Html {
  return html`<section class="card" aria-labelledby="delete"><h2 id="delete">Delete a participant</h2>
<p>Removes what the tables have of one person, and lists what is left at the destination.</p>
<form method="post" action="${here}/delete" data-confirm="Delete what the tables have of this participant?"><input type="hidden" name="_csrf" value="${csrf}" />
<p class="field"><label for="person">Pseudonym, or the platform’s id</label><input id="person" name="person" required /></p>
<button class="button danger" type="submit">Delete</button></form></section>`;
}
