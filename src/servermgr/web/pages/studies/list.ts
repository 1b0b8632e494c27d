import { opennessOf, type Study } from '../../../studies/study.ts';
import { html } from '../../html.ts';
import { momentText } from '../../labels.ts';
import { adminNav } from '../admin-nav.ts';
import { layout } from '../layout.ts';

export interface StudiesPage {
  readonly base: string;
  readonly studies: readonly Study[];
  readonly nowMs: number;
}

/** All studies, the newest first. */
export function studiesPage({ base, studies, nowMs }: StudiesPage): string {
  return layout({
    title: 'Studies',
    base,
    wide: true,
    body: html`${adminNav(base, '/admin/studies')}<h1>Studies</h1>
<p><a class="button" href="${base}/admin/studies/new">New study</a></p>
${
  studies.length === 0
    ? html`<p class="hint">There is none yet.</p>`
    : html`<table class="sessions"><caption>All of them</caption>
<thead><tr><th scope="col">Number</th><th scope="col">Name</th><th scope="col">People from</th><th scope="col">State</th></tr></thead>
<tbody>${studies.map(
        study => html`<tr><td data-label="Number">${study.number}</td>
<td data-label="Name"><a href="${base}/admin/studies/${study.number}">${study.name}</a></td>
<td data-label="People from">${sourcesText(study)}</td>
<td data-label="State">${opennessText(study, nowMs)}</td></tr>`,
      )}</tbody></table>`
}`,
  });
}

const PLATFORM_TEXTS = { prolific: 'Prolific', mturk: 'MTurk' } as const;

/** Where its people come from. */
export function sourcesText({ settings }: Study): string {
  return [...settings.platforms.map(platform => PLATFORM_TEXTS[platform]), 'signed links'].join(', ');
}

export function opennessText(study: Study, nowMs: number): string {
  const openness = opennessOf(study, nowMs);
  switch (openness.kind) {
    case 'open':
      return study.settings.closesMs === undefined
        ? 'open'
        : `open until ${momentText(study.settings.closesMs)}`;
    case 'not-yet':
      return `opens ${momentText(openness.fromMs)}`;
    case 'closed':
      return 'closed';
    default:
      return openness satisfies never;
  }
}
