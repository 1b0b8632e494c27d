import { mkdtemp, rm } from 'node:fs/promises';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { type Answer, refusal } from './s3/answers.ts';
import { receive } from './s3/body.ts';
import { accessDenied, S3Error } from './s3/errors.ts';
import { type FaultRule, planFaults } from './s3/faults.ts';
import { handlers } from './s3/handlers.ts';
import { type Operation, type S3Request, understand } from './s3/operation.ts';
import { allowsRequest, mayDelete, maySeeAbsence, type Policy } from './s3/policy.ts';
import { sendAsRuled } from './s3/rules.ts';
import { spoil } from './s3/spoil.ts';
import {
  type Conditions,
  type GivenObject,
  give,
  type OpenUpload,
  type State,
  type StoredObject,
} from './s3/state.ts';
import type { TlsIdentity } from './tls.ts';

export type { Fault, FaultRule } from './s3/faults.ts';
export type { Operation } from './s3/operation.ts';

export interface S3ServerOptions {
  readonly host?: string;
  readonly port?: number;
  /** Of https; undefined: http. */
  readonly tls?: TlsIdentity | undefined;
  /** Buckets that exist from the start; default `['bucket']`. */
  readonly buckets?: readonly string[];
  /** What is in the first of them. */
  readonly objects?: Iterable<GivenObject>;
  /** false: bodies of 1 MiB and more are counted and checked, but not kept, for very large archives. */
  readonly keepBodies?: boolean;
  /** false: no MD5 and SHA-256, so that a benchmark measures the client. */
  readonly digests?: boolean;
  /** Where the buckets are: requests signed for another region are refused. */
  readonly region?: string;
  /** How: as S3 does for a client that asks the bucket's own host (400), or another region's (301, 307). */
  readonly regionRefusal?: 400 | 301 | 307;
  /** What its clock is ahead of this machine's: it is told in every Date, and signatures are taken for 15 minutes. */
  readonly clockAheadMs?: number;
  /** The account that the buckets are of: requests that expect another one are refused. */
  readonly owner?: string;
  /** Whose requests are taken; everybody's by default. Signatures are not checked. */
  readonly accessKeys?: readonly string[];
  /** false: parts whose bytes are not signed are denied, as a bucket's policy can. */
  readonly takesUnsigned?: boolean;
  /** false: the right to list is missing, so that keys which are not there are denied as well. */
  readonly mayList?: boolean;
  /** What the access keys may do that have a policy; all others may do everything. */
  readonly policies?: Readonly<Record<string, Policy>>;
  readonly faults?: readonly FaultRule[];
  /** Default: honoured, as S3 does. */
  readonly conditions?: Conditions;
  /** Asked when a request has come, and when it was done, before its answer: false breaks the connection. */
  readonly gate?: (request: RequestRecord, moment: 'come' | 'done') => boolean | Promise<boolean>;
}

export interface RequestRecord {
  readonly operation: Operation;
  readonly bucket: string;
  readonly key: string;
  readonly part: number | undefined;
  readonly accessKey: string | undefined;
  readonly headers: IncomingMessage['headers'];
  /** When it came, in milliseconds since the epoch. */
  readonly atMs: number;
  /** undefined: not answered (yet). */
  status: number | undefined;
  /** The client closed the connection before it was answered. */
  isCutOff: boolean;
  /** When its answer was written. */
  answeredAtMs: number | undefined;
}

export interface S3Server {
  readonly url: string;
  /** One whose requests are taken; undefined: everybody's are. */
  readonly accessKey: string | undefined;
  /** The last 10,000, oldest first. */
  readonly requests: readonly RequestRecord[];
  /** How many requests of each operation there have been. */
  readonly counts: Readonly<Partial<Record<Operation, number>>>;
  objects(bucket?: string): StoredObject[];
  uploads(): OpenUpload[];
  setFaults(rules: readonly FaultRule[]): void;
  /** See `S3ServerOptions`: moves its clock, as the client's moves the other way when its machine has slept. */
  setClockAheadMs(ms: number): void;
  /** Resets every connection, whatever is under way on it. */
  breakConnections(): void;
  close(): Promise<void>;
}

/**
 * An S3 of our own: path-style, on a port that the system gives, refusing what S3 refuses and failing as it is told.
 * `PUT /_faults` takes rules as JSON, `GET /_state` tells objects, open uploads and counts.
 */
export async function startS3Server(options: S3ServerOptions = {}): Promise<S3Server> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 's3-server-'));
  const state: State = {
    conditions: options.conditions ?? 'honoured',
    buckets: new Map((options.buckets ?? ['bucket']).map(bucket => [bucket, new Map()])),
    uploads: new Map(),
  };
  const [first] = state.buckets.values();
  if (first !== undefined) give(first, options.objects ?? []);
  const requests: RequestRecord[] = [];
  const counts: Partial<Record<Operation, number>> = {};
  let plan = planFaults(options.faults ?? []);
  let replanned = Promise.withResolvers<void>();
  let bodies = 0;
  let { clockAheadMs = 0 } = options;

  const take = (message: IncomingMessage, response: ServerResponse) => {
    // A client that goes away in the middle is its own business.
    serve(message, response).catch(() => response.destroy());
  };
  const { tls } = options;
  const server = tls === undefined ? http.createServer(take) : https.createServer(tls, take);
  server.requestTimeout = 0;
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;

  async function serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    if (message.url?.startsWith('/_')) return administer(message, response);
    const nowMs = Date.now() + clockAheadMs;
    response.setHeader('date', new Date(nowMs).toUTCString());
    const request = understand(message);
    const { operation, bucket, key, part, accessKey } = request;
    const record: RequestRecord = {
      operation,
      bucket,
      key,
      part,
      accessKey,
      headers: message.headers,
      atMs: Date.now(),
      status: undefined,
      isCutOff: false,
      answeredAtMs: undefined,
    };
    requests.push(record);
    const closed = new AbortController();
    response.once('close', () => {
      record.isCutOff = !response.writableFinished;
      closed.abort();
    });
    if (requests.length > 10_000) requests.shift();
    counts[operation] = (counts[operation] ?? 0) + 1;

    const { gate = () => true } = options;
    if (!(await gate(record, 'come'))) return void message.socket.destroy();
    const rule = plan.next(request);
    if (rule?.do === 'stall') return;
    if (rule?.do === 'reset') return void message.socket.resetAndDestroy();
    if (rule?.do === 'delay') await delay(rule.delayMs ?? 0);
    if (rule?.do === 'hold') await replanned.promise;
    if (rule?.do === 'page') return sendPage(response, rule.status ?? 502);

    const isHead = message.method === 'HEAD';
    const right = await answerTo(request, rule).catch((error: unknown) => {
      if (error instanceof S3Error) return refusal(error, isHead);
      throw error;
    });
    const answer = await spoil(right, rule?.do, message);
    if (!(await gate(record, 'done'))) return void message.socket.destroy();
    if (rule?.do === 'reset-after-commit') return void message.socket.resetAndDestroy();
    if (rule?.do === 'late-answer') await delay(rule.delayMs ?? 0, undefined, closed);
    record.status = answer.status;
    await sendAsRuled(response, answer, rule, isHead);
    record.answeredAtMs = Date.now();
    // An unread body would be taken for the next request.
    message.resume();
  }

  async function answerTo(request: S3Request, rule: FaultRule | undefined): Promise<Answer> {
    const refused = rule && refusalOf(rule);
    if (refused) throw refused;
    admit(request, { ...options, clockAheadMs });
    const answer = await answerIfAllowed(request, rule);
    if (rule?.do === '500-after-commit') throw internalError();
    return answer;
  }

  async function answerIfAllowed(request: S3Request, rule: FaultRule | undefined): Promise<Answer> {
    const { mayList = true } = options;
    const policy = policyFor(request);
    if (!mayList && request.operation === 'ListObjectsV2') throw accessDenied();
    if (policy && !allowsRequest(policy, request)) throw accessDenied();
    try {
      return await handle(request, rule);
    } catch (error) {
      const isAbsent = error instanceof S3Error && error.code === 'NoSuchKey';
      throw isAbsent && !(policy ? maySeeAbsence(policy, request) : mayList) ? accessDenied() : error;
    }
  }

  function policyFor({ accessKey = '' }: S3Request): Policy | undefined {
    return options.policies?.[accessKey];
  }

  function handle(request: S3Request, rule: FaultRule | undefined): Promise<Answer> | Answer {
    return handlers[request.operation](request, {
      state,
      knowsPages: rule?.do !== 'same-page',
      mayDelete(key) {
        const policy = policyFor(request);
        return policy === undefined || mayDelete(policy, request.bucket, key);
      },
      receive: message =>
        receive(message, {
          file: isKept(message) ? path.join(folder, `${++bodies}`) : undefined,
          digests: options.digests ?? true,
          bytesPerSecond: rule?.do === 'slow' ? rule.bytesPerSecond : undefined,
        }),
    });
  }

  function isKept({ headers }: IncomingMessage): boolean {
    return options.keepBodies !== false || Number(headers['content-length']) < 1 << 20;
  }

  function setFaults(rules: readonly FaultRule[]): void {
    plan = planFaults(rules);
    replanned.resolve();
    replanned = Promise.withResolvers();
  }

  async function administer(message: IncomingMessage, response: ServerResponse): Promise<void> {
    if (message.method === 'PUT' && message.url === '/_faults') {
      setFaults(JSON.parse(await text(message)));
      response.writeHead(204).end();
      return;
    }
    const objects = [...state.buckets].flatMap(([bucket, kept]) =>
      [...kept.values()].map(({ key, bytes, etag, parts }) => ({ bucket, key, bytes, etag, parts })),
    );
    const uploads = [...state.uploads.values()].map(({ id, bucket, key, parts }) => ({
      id,
      bucket,
      key,
      parts: parts.size,
    }));
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ objects, uploads, counts }));
  }

  return {
    url: `${tls === undefined ? 'http' : 'https'}://${options.host ?? '127.0.0.1'}:${port}`,
    accessKey: options.accessKeys?.[0],
    requests,
    counts,
    objects: (bucket = 'bucket') => [...(state.buckets.get(bucket)?.values() ?? [])],
    uploads: () => [...state.uploads.values()],
    setFaults,
    setClockAheadMs(ms) {
      clockAheadMs = ms;
    },
    breakConnections() {
      server.closeAllConnections();
    },
    async close() {
      const closed = new Promise(resolve => server.close(resolve));
      server.closeAllConnections();
      await closed;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Whether the caller may ask at all: the key known, the region right. */
function admit({ accessKey, message, query, region }: S3Request, options: S3ServerOptions): void {
  if (options.accessKeys && !options.accessKeys.includes(accessKey ?? ''))
    throw new S3Error(
      403,
      'InvalidAccessKeyId',
      'The AWS Access Key Id you provided does not exist in our records.',
      {
        details: { AWSAccessKeyId: accessKey ?? '' },
      },
    );
  if (options.region && region !== options.region) throw wrongRegion(region, options);
  const expected = message.headers['x-amz-expected-bucket-owner'];
  if (options.owner && expected !== undefined && expected !== options.owner) throw accessDenied();
  const isUnsigned = message.headers['x-amz-content-sha256'] === 'UNSIGNED-PAYLOAD';
  if (options.takesUnsigned === false && isUnsigned) throw accessDenied();
  const nowMs = Date.now() + (options.clockAheadMs ?? 0);
  const linkedAtMs = timeOf(query.get('X-Amz-Date') ?? '');
  if (nowMs > linkedAtMs + Number(query.get('X-Amz-Expires')) * 1_000)
    throw new S3Error(403, 'AccessDenied', 'Request has expired');
  if (nowMs < linkedAtMs - SIGNATURE_HOLDS_MS)
    throw new S3Error(403, 'AccessDenied', 'Request is not valid yet');
  const signedAtMs = timeOf(String(message.headers['x-amz-date'] ?? ''));
  if (Math.abs(nowMs - signedAtMs) > SIGNATURE_HOLDS_MS)
    throw new S3Error(
      403,
      'RequestTimeTooSkewed',
      'The difference between the request time and the current time is too large.',
    );
}

const SIGNATURE_HOLDS_MS = 900_000;

/** `20260131T120000Z`; NaN for what is not signed. */
function timeOf(text: string): number {
  return Date.parse(text.replace(/^(\d{4})(\d\d)(\d\dT\d\d)(\d\d)(\d\dZ)$/, '$1-$2-$3:$4:$5'));
}

function wrongRegion(asked: string | undefined, options: S3ServerOptions): S3Error {
  const region = options.region ?? '';
  const headers = { 'x-amz-bucket-region': region };
  if (options.regionRefusal === 301)
    return new S3Error(
      301,
      'PermanentRedirect',
      'The bucket you are attempting to access must be addressed using the specified endpoint.',
      { headers, details: { Endpoint: `bucket.s3.${region}.amazonaws.com` } },
    );
  if (options.regionRefusal === 307)
    return new S3Error(
      307,
      'TemporaryRedirect',
      'Please re-send this request to the specified temporary endpoint.',
      { headers: { ...headers, location: `https://bucket.s3.${region}.amazonaws.com/` } },
    );
  return new S3Error(
    400,
    'AuthorizationHeaderMalformed',
    `The region '${asked}' is wrong; expecting '${region}'`,
    { headers, details: { Region: region } },
  );
}

function sendPage(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-type': 'text/html' });
  response.end('<html><head><title>Gateway</title></head><body>No.</body></html>');
}

function refusalOf(rule: FaultRule): S3Error | undefined {
  switch (rule.do) {
    case '500':
      return internalError();
    case '503':
      return new S3Error(503, 'ServiceUnavailable', 'Service is unable to handle request.');
    case 'SlowDown':
      return new S3Error(503, 'SlowDown', 'Please reduce your request rate.');
    case 'white-space':
      return rule.code === undefined ? undefined : new S3Error(200, rule.code, rule.code);
    case 'deny':
      return accessDenied();
    case 'expired-token':
      return new S3Error(400, 'ExpiredToken', 'The provided token has expired.');
    case 'error':
      return new S3Error(
        rule.status ?? 400,
        rule.code ?? 'InvalidRequest',
        rule.text ?? rule.code ?? 'Invalid Request',
        {
          headers: { ...rule.headers },
        },
      );
    default:
      return undefined;
  }
}

function internalError(): S3Error {
  return new S3Error(500, 'InternalError', 'We encountered an internal error. Please try again.');
}
