import { type ApiToken, SCOPES, type Scope } from '../../database/tokens-table.ts';
import { type Html, html } from '../html.ts';
import { momentText } from '../labels.ts';
import { adminNav } from './admin-nav.ts';
import { layout } from './layout.ts';

export interface TokensPage {
  readonly base: string;
  readonly tokens: readonly ApiToken[];
  /** One that was made just now: it is shown this once. */
  readonly made: { readonly name: string; readonly token: string } | undefined;
  readonly fault: string | undefined;
  readonly csrf: string;
}

const SCOPE_TEXTS: Readonly<Record<Scope, string>> = {
  'sessions:read': 'look at sessions',
  'sessions:write': 'launch and stop sessions',
  export: 'export sessions, and fetch their archives',
};

export const MAX_TOKEN_NAME = 100;

/** The tokens of the API: made, and withdrawn. */
export function tokensPage({ base, tokens, made, fault, csrf }: TokensPage): string {
  return layout({
    title: 'API tokens',
    base,
    wide: true,
    body: html`${adminNav(base, '/admin/tokens')}<h1>API tokens</h1>
<p class="lead">A token lets a program use the API, for what it has to do and no more.</p>
${fault !== undefined && html`<p class="notice" role="alert">${fault}</p>`}
${made !== undefined && madeToken(made)}
<form class="card" method="post" action="${base}/admin/tokens">
<h2>Make one</h2>
<input type="hidden" name="_csrf" value="${csrf}" />
<div class="field"><label for="token-name">Name</label>
<input id="token-name" name="name" type="text" required maxlength="${MAX_TOKEN_NAME}" autocomplete="off" aria-describedby="token-hint" />
<span class="small" id="token-hint">who uses it, and what for</span></div>
<fieldset class="scopes"><legend>It may</legend>
${SCOPES.map(scope => html`<label><input type="checkbox" name="${scope}" value="yes" /> ${SCOPE_TEXTS[scope]} <code>${scope}</code></label>`)}
</fieldset>
<button class="button" type="submit">Make the token</button>
</form>
${table(base, tokens, csrf)}`,
  });
}

function madeToken({ name, token }: NonNullable<TokensPage['made']>): Html {
  return html`<section class="card" role="status"><h2>The token “${name}”</h2>
<p>Copy it now: it is shown this once, and cannot be looked up again.</p>
<div class="address"><output id="token">${token}</output>
<button class="button copy" type="button" data-copy="token">Copy</button></div></section>`;
}

function table(base: string, tokens: readonly ApiToken[], csrf: string): Html {
  if (tokens.length === 0) return html`<p>There are none yet.</p>`;
  return html`<table class="sessions"><caption>Tokens</caption>
<thead><tr><th scope="col">Name</th><th scope="col">Begins with</th><th scope="col">Scopes</th><th scope="col">Made</th>
<th scope="col">Last used</th><th scope="col">Actions</th></tr></thead>
<tbody>${tokens.map(token => row(base, token, csrf))}</tbody></table>`;
}

function row(base: string, token: ApiToken, csrf: string): Html {
  const { id, name, prefix, scopes, createdMs, createdBy, lastUsedMs, withdrawnMs } = token;
  const withdraw = html`<form method="post" action="${base}/admin/tokens/withdraw" data-confirm="Withdraw “${name}”? Whoever uses it is refused from then on.">
<input type="hidden" name="_csrf" value="${csrf}" /><input type="hidden" name="token" value="${id}" />
<button class="button danger" type="submit" aria-label="Withdraw ${name}">Withdraw</button></form>`;
  return html`<tr>
<td data-label="Name">${name}</td>
<td data-label="Begins with"><code>${prefix}…</code></td>
<td data-label="Scopes">${scopes.join(', ')}</td>
<td data-label="Made"><span>${momentText(createdMs)}<br /><span class="small">${createdBy}</span></span></td>
<td data-label="Last used">${lastUsedMs === undefined ? 'never' : momentText(lastUsedMs)}</td>
<td data-label="Actions"><div class="actions">${withdrawnMs === undefined ? withdraw : html`<span>withdrawn ${momentText(withdrawnMs)}</span>`}</div></td></tr>`;
}
