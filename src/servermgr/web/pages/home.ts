import type { World } from '../../../config/servermgr-config.ts';
import type { Address } from '../../../config/session-config.ts';
import type { Usual } from '../../fleet/usual.ts';
import type { SessionView } from '../../fleet/view.ts';
import { type Html, html } from '../html.ts';
import { addressText, dashboardUrl, roughDurationText } from '../labels.ts';
import { plainEnd } from '../plain-end.ts';
import { layout } from './layout.ts';

export interface HomePage {
  readonly base: string;
  readonly worlds: readonly World[];
  /** The visitor's own sessions, the newest first. */
  readonly yours: readonly SessionView[];
  /** What may be expected of a launch. */
  readonly usual: Usual;
  readonly csrf: string;
  /** One for each page: it makes the button idempotent. */
  readonly launchToken: string;
  readonly capacity: { readonly used: number; readonly limit: number };
}

/** What this is, the choice of worlds, the start button, and the visitor's own session. */
export function homePage({ base, worlds, yours, usual, csrf, launchToken, capacity }: HomePage): string {
  const alive = yours.find(({ ended }) => ended === undefined);
  return layout({
    title: 'Play with an agent',
    base,
    body: html`<section class="hero">
<h1>Play Minecraft with an agent</h1>
<p class="lead">Press the button, and a world of your own is started, with an agent in it: a player like you, but a
program. What it says is in the chat of the game.</p>
</section>
${alive !== undefined && yourSession(base, alive)}
${alive === undefined && startForm(worlds, { base, csrf, launchToken, capacity })}
${endedSessions(base, yours)}
<section class="how" aria-labelledby="how">
<h2 id="how">How it goes</h2>
<ol class="howto">
<li><strong>Start.</strong> Your server is ready in ${usual.readyAfterMs === undefined ? 'a minute or two' : `about ${roughDurationText(usual.readyAfterMs)}`}. The next page shows how far it is.</li>
<li><strong>Join.</strong> In Minecraft Java Edition${usual.version && html` <strong>${usual.version}</strong>`}: Multiplayer, Direct Connection, and the address you are shown.</li>
<li><strong>Play.</strong> Press <kbd>T</kbd> for the chat. When you have had enough, leave: it all ends by itself.</li>
</ol>
</section>`,
  });
}

function startForm(
  worlds: readonly World[],
  { base, csrf, launchToken, capacity }: Pick<HomePage, 'base' | 'csrf' | 'launchToken' | 'capacity'>,
): Html {
  const full = capacity.used >= capacity.limit;
  return html`<form class="card start" method="post" action="${base}/launch">
<input type="hidden" name="_csrf" value="${csrf}" />
<input type="hidden" name="press" value="${launchToken}" />
${worlds.length > 1 ? choice(worlds) : html`<input type="hidden" name="world" value="${worlds[0]?.id}" />`}
${worlds.length === 1 && worlds[0] && html`<p class="world-only"><strong>${worlds[0].title}.</strong> ${worlds[0].text}</p>`}
<button class="go" type="submit">Start a server</button>
<p class="hint">${
    full
      ? `All ${capacity.limit} places are taken just now. You can try: one may have come free.`
      : `${capacity.limit - capacity.used} of ${capacity.limit} places are free.`
  }</p>
</form>`;
}

function choice(worlds: readonly World[]): Html {
  return html`<fieldset class="worlds"><legend>Choose a world</legend>
${worlds.map(
  ({ id, title, text }, index) => html`<label class="world">
<input type="radio" name="world" value="${id}" ${index === 0 && html`checked`} />
<span class="world-text"><strong>${title}</strong><span>${text}</span></span></label>`,
)}</fieldset>`;
}

function yourSession(base: string, view: SessionView): Html {
  return html`<section class="card yours" aria-labelledby="yours">
<h2 id="yours">${yourHeadline(view)}</h2>
<p>${
    view.phase === 'ending'
      ? 'What was recorded is being saved. After that you can start another.'
      : view.address === undefined || view.phase !== 'ready'
        ? 'You have one session at a time. This one is yours.'
        : html`People connect to <code>${addressText(view.address)}</code>${view.dashboard && dashboardLink(view.dashboard)}. You have one session at a time.`
  }</p>
<a class="go" href="${base}/wait?q=${view.id}">${view.phase === 'ending' ? 'See how it goes' : 'Go to your server'}</a>
</section>`;
}

function yourHeadline({ phase }: SessionView): string {
  if (phase === 'ending') return 'Your session is ending';
  return phase === 'ready' ? 'Your server is running' : 'Your server is on its way';
}

function dashboardLink(dashboard: Address): Html {
  const url = dashboardUrl(dashboard);
  return html`, and the agent’s dashboard is at <a href="${url}">${url}</a>`;
}

function endedSessions(base: string, yours: readonly SessionView[]): Html | undefined {
  const [last] = yours.filter(({ ended }) => ended !== undefined);
  if (last === undefined) return undefined;
  return html`<p class="last">Your last session is over: ${plainEnd(last)}.
<a href="${base}/wait?q=${last.id}">How it went</a></p>`;
}
