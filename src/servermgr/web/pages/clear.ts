import { html } from '../html.ts';
import { layout } from './layout.ts';

/** Asks before this browser forgets which sessions are its visitor's: none of them can be stopped by it afterwards. */
export function clearPage({ base, csrf }: { readonly base: string; readonly csrf: string }): string {
  return layout({
    title: 'Forget this browser',
    base,
    body: html`<section class="card message">
<h1>Forget this browser?</h1>
<p>It will not know any more which session is yours. A session that runs goes on, and ends by itself when you leave the game.</p>
<form method="post" action="${base}/clear">
<input type="hidden" name="_csrf" value="${csrf}" />
<button class="button" type="submit">Forget it</button>
</form>
<p><a class="button quiet" href="${base}/">Back to the start</a></p>
</section>`,
  });
}
