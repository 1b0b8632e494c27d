import { html } from '../html.ts';
import { adminNav } from './admin-nav.ts';
import { layout } from './layout.ts';

export interface LogPage {
  readonly base: string;
  readonly name: string;
  readonly file: string;
  readonly lines: readonly string[];
  /** Why there is no more to come, or nothing; undefined: more may come. */
  readonly end: string | undefined;
}

const REFRESH_S = 15;

/** The log of a session, as it is written. The script adds lines; without it the page refreshes itself. */
export function logPage({ base, name, file, lines, end }: LogPage): string {
  const query = encodeURIComponent(name);
  const follows = html`data-log="${base}/admin/log/events?name=${query}"`;
  return layout({
    title: 'Log',
    base,
    wide: true,
    refreshSeconds: end === undefined ? REFRESH_S : undefined,
    body: html`${adminNav(base, '/admin/history')}<h1 class="name">Log of <code>${name}</code></h1>
<p><a href="${base}/admin/session?name=${query}">All about this session</a></p>
<p class="hint" role="status" data-log-end>${end ?? `The end of ${file}, out of the journal: new lines come some seconds after they are written.`}</p>
<pre class="log" tabindex="0" aria-label="${file}" ${end === undefined && follows}>${lines.map(line => `${line}\n`)}</pre>`,
  });
}
