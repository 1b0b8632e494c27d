import type { CodedOutcome } from '../../../studies/study.ts';
import type { FormFields } from '../../../studies/study-form.ts';
import { type Html, html } from '../../html.ts';
import { adminNav } from '../admin-nav.ts';
import { layout } from '../layout.ts';

export interface StudyFormPage {
  readonly base: string;
  readonly csrf: string;
  /** Where it is sent. */
  readonly action: string;
  readonly title: string;
  readonly fields: FormFields;
  readonly faults: readonly string[];
  readonly worlds: readonly Choice[];
  readonly agents: readonly Choice[];
}

export interface Choice {
  readonly id: string;
  readonly title: string;
}

/** The codes, and when somebody gets which. */
export const CODE_TEXTS: Readonly<Record<CodedOutcome, string>> = {
  finished: 'finished: played for as long as the study asks',
  incomplete: 'ended before that',
  'no-consent': 'has not agreed',
  'waited-too-long': 'waited too long for a server',
  technical: 'something broke on our side',
  surplus: 'all seats were taken',
};

/** All that researchers decide about a study. */
export function studyFormPage(page: StudyFormPage): string {
  const { base, csrf, action, title, faults, worlds, agents } = page;
  const input = field(page.fields);
  return layout({
    title,
    base,
    body: html`${adminNav(base, '/admin/studies')}<h1>${title}</h1>
${faults.length > 0 && html`<div class="notice" role="alert"><p>It was not saved:</p><ul>${faults.map(fault => html`<li>${fault}</li>`)}</ul></div>`}
<form class="card study-form" method="post" action="${action}">
<input type="hidden" name="_csrf" value="${csrf}" />
${input('name', 'Name, which participants see', { required: true })}
<fieldset><legend>Where people come from, besides those to whom you send links</legend>
${tick(page.fields, 'prolific', 'Prolific')}${tick(page.fields, 'mturk', 'MTurk')}</fieldset>
${choose(page.fields, 'world', 'World', worlds)}
${agents.length > 0 && choose(page.fields, 'agent', 'Agent', [{ id: '', title: 'that of all other sessions' }, ...agents])}
<fieldset><legend>Time and places</legend>
${input('seats', 'Seats: how many may finish', { type: 'number', required: true })}
${input('sessionsPerParticipant', 'Sessions of one participant', { type: 'number', required: true })}
${input('lengthMinutes', 'Length of a session at most, in minutes', { type: 'number', required: true })}
${input('minimumMinutes', 'Minutes that somebody has to play', { type: 'number', required: true })}
${input('waitMinutes', 'Minutes that somebody waits for a server before a way out is offered', { type: 'number', required: true })}
${input('opens', 'Opens (UTC); empty: at once', { type: 'datetime-local' })}
${input('closes', 'Closes (UTC); empty: by hand', { type: 'datetime-local' })}
</fieldset>
<fieldset><legend>What is kept of people</legend>
${choose(page.fields, 'ids', 'Ids of the platform', [
  { id: 'hashed', title: 'as keyed hashes alone' },
  { id: 'plain', title: 'as they are' },
])}
${tick(page.fields, 'minecraftNames', 'Minecraft names stand in reports and exports')}
${input('retentionDays', 'Forget who somebody was after so many days; empty: never by itself', { type: 'number' })}
${input('prolificStudy', 'Prolific’s id of the study; empty: it is not compared', {})}
</fieldset>
<fieldset><legend>Codes, which people enter at the platform; empty: none</legend>
${Object.entries(CODE_TEXTS).map(([outcome, text]) => input(`code-${outcome}`, text, {}))}
</fieldset>
${texts(page.fields, 'consent', 'Consent (Markdown)')}
${texts(page.fields, 'instructions', 'Instructions (Markdown)')}
<p class="hint">Texts that change become a new version. Whoever has agreed before has agreed to the old one.</p>
<button class="go" type="submit">Save</button></form>`,
  });
}

interface InputOptions {
  readonly type?: 'number' | 'datetime-local';
  readonly required?: boolean;
}

function field(fields: FormFields) {
  return (name: string, label: string, { type, required }: InputOptions): Html => {
    const id = `field-${name}`;
    return html`<p class="field"><label for="${id}">${label}</label>
<input id="${id}" name="${name}" type="${type ?? 'text'}" value="${fields[name] ?? ''}" ${type === 'number' && html`min="0" step="any"`} ${required && html`required`} /></p>`;
  };
}

function choose(fields: FormFields, name: string, label: string, choices: readonly Choice[]): Html {
  return html`<p class="field"><label for="field-${name}">${label}</label>
<select id="field-${name}" name="${name}">${choices.map(
    ({ id, title }) => html`<option value="${id}" ${fields[name] === id && html`selected`}>${title}</option>`,
  )}</select></p>`;
}

function tick(fields: FormFields, name: string, label: string): Html {
  return html`<p class="tick"><input id="field-${name}" name="${name}" type="checkbox" value="yes" ${fields[name] === 'yes' && html`checked`} /> <label for="field-${name}">${label}</label></p>`;
}

function texts(fields: FormFields, name: string, label: string): Html {
  return html`<p class="field"><label for="field-${name}">${label}</label>
<textarea id="field-${name}" name="${name}" rows="14" required>${fields[name] ?? ''}</textarea></p>`;
}
