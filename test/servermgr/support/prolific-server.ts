import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A submission as Prolific's API describes it: https://docs.prolific.com/api-reference/submissions/get-submission */
export interface ProlificSubmission {
  readonly participant: string;
  readonly study: string;
  /** The study of which `study` is a part. */
  readonly parentStudy?: string;
  readonly status: string;
}

/** How it answers instead of as it should. */
export type ProlificTrouble =
  | 'hangs'
  /** It closes connections without an answer. */
  | 'away'
  /** 503, without a Retry-After. */
  | 'down'
  /** 429, until it is told otherwise. */
  | { readonly retryAfter: string | undefined }
  /** As 200, or with that status. */
  | { readonly body: string; readonly status?: number }
  /** It leads elsewhere. */
  | { readonly location: string }
  /** As 200, and it does not end. */
  | 'endless';

export interface ProlificServer extends AsyncDisposable {
  readonly url: string;
  /** What it was asked for, with a token that is its own: ids of submissions. */
  readonly asked: readonly string[];
  /** Of all requests that have come. */
  requestCount(): number;
  /** How many requests were under way at once. */
  mostAtOnce(): number;
  /** There is a submission of that id from now on, or it is another one. */
  put(id: string, submission: ProlificSubmission): void;
  /** Makes trouble from now on; undefined: none. */
  trouble(trouble: ProlificTrouble | undefined): void;
  /** Answers what hangs, as it should be answered. */
  letGo(): void;
}

const PATH = /^\/api\/v1\/submissions\/([^/]+)\/$/;

/** A stand-in for Prolific's API. @param token the only one that it takes */
export async function startProlificServer(token: string): Promise<ProlificServer> {
  const submissions = new Map<string, ProlificSubmission>();
  const asked: string[] = [];
  const held: (() => void)[] = [];
  let trouble: ProlificTrouble | undefined;
  let requests = 0;
  let underWay = 0;
  let most = 0;

  function answer(request: IncomingMessage, response: ServerResponse): void {
    const send = (status: number, body: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    const refuse = (status: number, title: string) =>
      send(status, { error: { status, error_code: status * 1_000, title } });
    if (request.headers.authorization !== `Token ${token}`) return void refuse(401, 'Invalid token');
    const id = PATH.exec(request.url ?? '')?.[1];
    if (id === undefined || request.method !== 'GET') return void refuse(405, 'Not allowed');
    asked.push(id);
    const found = submissions.get(id);
    if (found === undefined) return void refuse(404, 'Not found');
    send(200, {
      id,
      started_at: '2026-11-28T10:00:00.000Z',
      status: found.status,
      study_id: found.study,
      completed_at: null,
      entered_code: null,
      participant: found.participant,
      ...(found.parentStudy !== undefined && { parent_study_id: found.parentStudy }),
      bonus_payments: [],
      return_requested: null,
    });
  }

  function misbehave(how: ProlificTrouble, request: IncomingMessage, response: ServerResponse): void {
    if (how === 'hangs') held.push(() => answer(request, response));
    else if (how === 'away') request.socket.destroy();
    else if (how === 'down') response.writeHead(503).end();
    else if (how === 'endless') {
      const more = () => {
        while (response.write(' '.repeat(65_536)));
      };
      response.writeHead(200).on('drain', more);
      more();
    } else if ('body' in how) response.writeHead(how.status ?? 200).end(how.body);
    else if ('location' in how) response.writeHead(302, how).end();
    else response.writeHead(429, { ...(how.retryAfter && { 'retry-after': how.retryAfter }) }).end('{}');
  }

  const server = createServer((request, response) => {
    requests += 1;
    underWay += 1;
    most = Math.max(most, underWay);
    response.on('close', () => {
      underWay -= 1;
    });
    if (trouble === undefined) answer(request, response);
    else misbehave(trouble, request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    requestCount: () => requests,
    mostAtOnce: () => most,
    put: (id, submission) => void submissions.set(id, submission),
    trouble: next => {
      trouble = next;
    },
    letGo() {
      for (const go of held.splice(0)) go();
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
