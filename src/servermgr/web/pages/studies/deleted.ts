import type { Deleted } from '../../../database/study-export.ts';
import type { Study } from '../../../studies/study.ts';
import { type Html, html } from '../../html.ts';
import { adminNav } from '../admin-nav.ts';
import { layout } from '../layout.ts';

export interface DeletedPage {
  readonly base: string;
  readonly study: Study;
  readonly deleted: Deleted;
}

/** What was deleted of a participant, and what somebody has to delete who may write to the destination. */
export function deletedPage({ base, study, deleted: { sessions, archives } }: DeletedPage): string {
  return layout({
    title: 'Deleted',
    base,
    body: html`${adminNav(base, '/admin/studies')}<h1>Deleted</h1>
<p>The tables of servermgr have nothing of this participant any more. These objects at the destination do: servermgr never deletes there.</p>
${sessions.length === 0 ? html`<p>None: there was no session.</p>` : list('What sessions have left', [...archives, ...sessions.map(name => `.sessions/${name}/`)])}
<p>Backups of the database, and logs of those who run it, may have more.</p>
<p><a class="button" href="${base}/admin/studies/${study.number}">Back to ${study.name}</a></p>`,
  });
}

function list(title: string, items: readonly string[]): Html {
  return html`<h2>${title}</h2><ul>${items.map(item => html`<li><code>${item}</code></li>`)}</ul>`;
}
