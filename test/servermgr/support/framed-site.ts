import { html } from '../../../src/servermgr/web/html.ts';
import { type HttpsSite, startHttpsSite } from './https-site.ts';

/** The cookies that `/cookies` tries to set, each in its own way. */
const COOKIES = [
  'lax=1; Secure; HttpOnly; SameSite=Lax; Path=/',
  'none=1; Secure; HttpOnly; SameSite=None; Path=/',
  'partitioned=1; Secure; HttpOnly; SameSite=None; Partitioned; Path=/',
];

/**
 * A requester's site of a few lines, to be framed. `/study` has the form that hands a result in, and nothing else;
 * `/cookies` tries to set cookies, and says which of them came back.
 * @param policy of its pages: Content-Security-Policy
 */
export function startFramedSite(name: string, policy: string): Promise<HttpsSite> {
  return startHttpsSite(name, (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', `https://${name}`);
    response.setHeader('content-security-policy', policy);
    response.setHeader('content-type', 'text/html; charset=utf-8');
    if (pathname === '/cookies') {
      const location = '/cookies/back';
      response.writeHead(302, { location, 'set-cookie': COOKIES }).end();
    } else if (pathname === '/cookies/back') {
      const names = (request.headers.cookie ?? '').split('; ').map(cookie => cookie.split('=')[0]);
      response.end(page(html`<h1>Cookies: ${names.sort().join(' ') || 'none'}</h1>`));
    } else if (pathname === '/study') response.end(page(submitForm(searchParams)));
    else response.writeHead(404).end();
  });
}

function submitForm(query: URLSearchParams) {
  const action = `${query.get('turkSubmitTo')}/mturk/externalSubmit`;
  const assignment = query.get('assignmentId') ?? '';
  return html`<form method="post" action="${action}">
    <input type="hidden" name="assignmentId" value="${assignment}">
    <input type="hidden" name="code" value="CODE">
    <button>Submit</button>
  </form>`;
}

function page(body: ReturnType<typeof html>): string {
  return html`<!doctype html><html lang="en"><title>Study</title><body>${body}</body></html>`.html;
}
