import { html } from '../html.ts';
import { adminNav } from './admin-nav.ts';
import { layout } from './layout.ts';

export const MAX_NOTE = 2_000;

export interface NotePage {
  readonly base: string;
  readonly name: string;
  /** As it was sent, and not taken. */
  readonly text: string;
  readonly fault: string | undefined;
  readonly csrf: string;
}

/** A page of its own: one that refreshes itself would lose what somebody writes. */
export function notePage({ base, name, text, fault, csrf }: NotePage): string {
  return layout({
    title: 'A note',
    base,
    body: html`${adminNav(base, '/admin/history')}<h1 class="name">A note on <code>${name}</code></h1>
${fault !== undefined && html`<p class="notice" role="alert">${fault}</p>`}
<form class="card" method="post" action="${base}/admin/note">
<input type="hidden" name="_csrf" value="${csrf}" /><input type="hidden" name="session" value="${name}" />
<div class="field"><label for="note">Note</label>
<textarea id="note" name="text" rows="8" maxlength="${MAX_NOTE}" required aria-describedby="note-hint">
${text}</textarea>
<span class="small" id="note-hint">up to ${MAX_NOTE} characters; it is kept with your network and the time, and cannot be changed</span></div>
<p class="actions"><button class="button" type="submit">Keep the note</button>
<a class="button" href="${base}/admin/session?name=${encodeURIComponent(name)}">Back</a></p></form>`,
  });
}
