import { text } from 'node:stream/consumers';
import { html } from '../../../src/servermgr/web/html.ts';
import { type HttpsSite, startHttpsSite } from './https-site.ts';

/** A HIT as a worker opens it. */
export interface Hit {
  /** The requester's page. */
  readonly externalUrl: string;
  readonly hit: string;
  readonly worker: string;
  /** undefined: it was not accepted, and is only looked at. */
  readonly assignment: string | undefined;
}

export interface MturkSites extends AsyncDisposable {
  /** Where workers are: its pages have the requester's in a frame. */
  readonly worker: HttpsSite;
  /** Where results are sent: turkSubmitTo. */
  readonly main: HttpsSite;
  /** What was handed in: each result with all of its fields. */
  readonly results: readonly Readonly<Record<string, string>>[];
  /** The address of a HIT's page on the worker site. */
  hitUrl(hit: Hit): string;
}

/** What lets a framed page have forms, scripts and its own cookies. Which words MTurk has is not documented. */
const SANDBOX = 'allow-scripts allow-same-origin allow-forms allow-popups';

/**
 * Stand-ins for MTurk's two sites.
 * @param sandbox of the frame; undefined: it has none
 * @see https://docs.aws.amazon.com/AWSMechTurk/latest/AWSMturkAPI/ApiReference_ExternalQuestionArticle.html
 */
export async function startMturkSites({
  sandbox = SANDBOX,
}: {
  readonly sandbox?: string | undefined;
} = {}): Promise<MturkSites> {
  const results: Record<string, string>[] = [];

  const worker = await startHttpsSite('worker.mturk.test', (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'https://worker.mturk.test');
    // A page that is led to in the frame is one of its own.
    response.setHeader('content-security-policy', "frame-ancestors 'self'");
    response.setHeader('content-type', 'text/html; charset=utf-8');
    if (pathname === '/done') return void response.end(page('Done', html`<h1>The HIT was submitted</h1>`));
    if (pathname !== '/hit') return void response.writeHead(404).end();
    response.end(page('HIT', frame(framedUrl(searchParams), sandbox)));
  });

  const main = await startHttpsSite('www.mturk.test', async (request, response) => {
    if (request.url !== '/mturk/externalSubmit' || request.method !== 'POST')
      return void response.writeHead(404).end();
    const fields = Object.fromEntries(new URLSearchParams(await text(request)));
    const { assignmentId, ...others } = fields;
    response.setHeader('content-type', 'text/html; charset=utf-8');
    if (!assignmentId || Object.keys(others).length === 0)
      return void response
        .writeHead(400)
        .end(page('Error', html`<h1>There was a problem with your HIT</h1>`));
    results.push(fields);
    response.writeHead(302, { location: 'https://worker.mturk.test/done' }).end();
  });

  return {
    ...{ worker, main, results },
    hitUrl({ externalUrl, hit, worker: workerId, assignment }) {
      const query = new URLSearchParams({ externalUrl, hitId: hit });
      if (assignment !== undefined) {
        query.set('assignmentId', assignment);
        query.set('workerId', workerId);
      }
      return `${worker.origin}/hit?${query}`;
    },
    async [Symbol.asyncDispose]() {
      await worker[Symbol.asyncDispose]();
      await main[Symbol.asyncDispose]();
    },
  };
}

/** The requester's address, with the four parameters that are appended to it. */
function framedUrl(query: URLSearchParams): string {
  const url = new URL(query.get('externalUrl') ?? '');
  url.searchParams.append('assignmentId', query.get('assignmentId') ?? 'ASSIGNMENT_ID_NOT_AVAILABLE');
  url.searchParams.append('hitId', query.get('hitId') ?? '');
  url.searchParams.append('turkSubmitTo', 'https://www.mturk.test');
  const workerId = query.get('workerId');
  if (workerId !== null) url.searchParams.append('workerId', workerId);
  return url.href;
}

function frame(url: string, sandbox: string | undefined) {
  return sandbox === undefined
    ? html`<iframe title="HIT" width="800" height="600" src="${url}"></iframe>`
    : html`<iframe title="HIT" width="800" height="600" sandbox="${sandbox}" src="${url}"></iframe>`;
}

function page(title: string, body: ReturnType<typeof html>): string {
  return html`<!doctype html><html lang="en"><title>${title}</title><body>${body}</body></html>`.html;
}
