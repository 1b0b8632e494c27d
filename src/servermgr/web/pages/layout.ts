import { type Html, html } from '../html.ts';

export interface Page {
  readonly title: string;
  /** What links to other pages begin with. */
  readonly base: string;
  readonly body: Html;
  /** Without JavaScript the page reloads itself after so many seconds. */
  readonly refreshSeconds?: number | undefined;
  readonly wide?: boolean;
  /** A page that lies in a frame of another site, or that nobody should leave: it leads nowhere else. */
  readonly alone?: boolean;
}

/** The frame of every page. Scripts and styles are our own files: the content security policy allows no others. */
export function layout({ title, base, body, refreshSeconds, wide, alone }: Page): string {
  const refresh = html`<noscript><meta http-equiv="refresh" content="${refreshSeconds}" /></noscript>`;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8" />
<title>${title} · Craftassist</title>
<meta name="viewport" content="width=device-width, initial-scale=1" />
<meta name="color-scheme" content="light dark" />
<meta name="robots" content="noindex" />
<link rel="stylesheet" href="${base}/assets/servermgr.css" />
<link rel="icon" href="${base}/assets/icon.svg" type="image/svg+xml" />
<script src="${base}/assets/servermgr.js" defer></script>
${refreshSeconds !== undefined && refresh}
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header class="top">${brand(base, alone)}</header>
<main id="main" class="${wide ? 'wide' : ''}">${body}</main>
<footer class="bottom">Sessions are recorded for research. Please do not share anything personal in the chat.</footer>
</body>
</html>
`;
  return page.html;
}

function brand(base: string, alone: boolean | undefined): Html {
  const name = html`<span class="block" aria-hidden="true"></span>Craftassist`;
  return alone
    ? html`<span class="brand">${name}</span>`
    : html`<a class="brand" href="${base}/">${name}</a>`;
}

/** A page with one message: what went wrong, and what to do. */
export function messagePage(base: string, title: string, text: string): string {
  return layout({
    title,
    base,
    body: html`<section class="card message">
<h1>${title}</h1>
<p>${text}</p>
<p><a class="button quiet" href="${base}/">Back to the start</a></p>
</section>`,
  });
}
