import { type Html, html } from '../html.ts';

/** The pages of the people who run the study, in the order of their links. */
const PAGES = [
  { path: '/admin', title: 'Fleet' },
  { path: '/admin/history', title: 'History' },
  { path: '/admin/studies', title: 'Studies' },
  { path: '/admin/webhooks', title: 'Webhooks' },
  { path: '/admin/tokens', title: 'API tokens' },
] as const;

/** @param current the path of the page that it stands on, or of the one that this page belongs to */
export function adminNav(base: string, current: (typeof PAGES)[number]['path']): Html {
  const links = PAGES.map(
    ({ path, title }) =>
      html`<li><a href="${base}${path}" ${path === current && html`aria-current="page"`}>${title}</a></li>`,
  );
  return html`<nav class="admin-nav" aria-label="Administration"><ul>${links}</ul></nav>`;
}
