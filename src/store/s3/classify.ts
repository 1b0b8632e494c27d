import type { S3ErrorKind } from './error-kind.ts';
import { S3Error } from './errors.ts';

/** What the client knows of a request that failed. */
export interface RequestContext {
  readonly operation: string | undefined;
  /** The SDK has just learned that the store's clock is another than the one that the request was signed by. */
  readonly isClockCorrected: boolean;
}

/**
 * Classifies an error of the SDK's.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
 */
export function toS3Error(error: unknown, { operation, isClockCorrected }: RequestContext): S3Error {
  if (error instanceof S3Error) return error;
  if (!(error instanceof Error)) return new S3Error(String(error), { kind: 'transient', operation });
  if (error.name === 'CredentialsProviderError')
    return new S3Error(oneLine(error.message), { kind: 'credentials', operation });
  const status = statusOf(error);
  if (status === undefined) return networkError(error, operation);
  const region = regionOf(error);
  const redirect = originOf(headerOf(error, 'location'));
  const code = UNNAMED.has(error.name) ? undefined : error.name;
  const answer = { status, code, operation, region, redirect };
  if (status === 407)
    return new S3Error('HTTP 407: the proxy wants a user and a password', { ...answer, kind: 'proxy' });
  if (isUnreadable(error) || isPage(error, answer)) {
    const message = `HTTP ${status}, with what is no answer of an S3`;
    return new S3Error(message, { ...answer, kind: isTransient(status) ? 'transient' : 'endpoint' });
  }
  const name = code ?? `HTTP ${status}`;
  const message = isBare(error) ? name : oneLine(`${name}: ${error.message}`);
  return new S3Error(message, { ...answer, kind: kindOf(answer, isClockCorrected) });
}

/** Names that the SDK gives to what has none. */
const UNNAMED = new Set(['Unknown', 'Error']);

function isBare({ message }: Error): boolean {
  return message === 'UnknownError';
}

/** The body was no XML: a gateway's page, or another service's answer. */
function isUnreadable({ message }: Error): boolean {
  return message.includes('Deserialization error');
}

function isPage(error: Error, { code, operation, status }: AnswerDetails): boolean {
  const type = headerOf(error, 'content-type');
  const hasBody = operation !== 'HeadObject' && code === undefined && status !== 404;
  return hasBody && typeof type === 'string' && type.startsWith('text/html');
}

type AnswerDetails = Pick<S3Error, 'status' | 'code' | 'operation' | 'region' | 'redirect'>;

function kindOf(answer: AnswerDetails, isClockCorrected: boolean): S3ErrorKind {
  const { status = 0, code = '' } = answer;
  // The SDK marks any error so while the clocks differ by 4 minutes; only these can come of it.
  if (isClockCorrected && (status === 403 || CLOCK_CODES.has(code))) return 'transient';
  if (isTransient(status) || TRANSIENT_CODES.has(code)) return 'transient';
  if (status === 412) return 'exists';
  if (status === 409) return 'conflict';
  const named = KINDS[code];
  if (named !== undefined) return named;
  if (CLOCK_CODES.has(code)) return 'clock';
  if (status >= 300 && status < 400) return redirectKind(answer);
  return status === 401 || status === 403 ? 'denied' : 'rejected';
}

function isTransient(status: number): boolean {
  return (status >= 500 && status !== 501) || status === 429 || status === 408;
}

/** Of a bucket that was made just now S3 says 307 for a while, also in the region where it is. */
function redirectKind({ status, code, region, redirect }: AnswerDetails): S3ErrorKind {
  if (region !== undefined) return 'region';
  if (code === 'TemporaryRedirect') return 'transient';
  if (redirect !== undefined) return 'endpoint';
  return status === 307 ? 'transient' : 'region';
}

const KINDS: Readonly<Record<string, S3ErrorKind>> = {
  NoSuchKey: 'not-found',
  NoSuchUpload: 'not-found',
  NotFound: 'not-found',
  PermanentRedirect: 'region',
  AuthorizationHeaderMalformed: 'region',
  IllegalLocationConstraintException: 'region',
  ExpiredToken: 'expired',
  ExpiredTokenException: 'expired',
  TokenRefreshRequired: 'expired',
  InvalidAccessKeyId: 'credentials',
  InvalidToken: 'credentials',
  SignatureDoesNotMatch: 'credentials',
};

/** 4xx codes that tell of the connection or the load, not of the request. */
const TRANSIENT_CODES = new Set([
  'RequestTimeout',
  'IncompleteBody',
  'BadDigest',
  'XAmzContentSHA256Mismatch',
  'SlowDown',
]);

const CLOCK_CODES = new Set(['RequestTimeTooSkewed', 'RequestExpired', 'RequestInTheFuture']);

/** No answer: a name that is not known, a connection refused, reset or timed out; or no HTTP. */
function networkError(error: Error, operation: string | undefined): S3Error {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const message = networkMessage(error, code ?? error.name);
  if (code === 'EPROTO' && error.message.includes('wrong version number'))
    return new S3Error('EPROTO: it was asked by https, and answers without TLS', {
      kind: 'endpoint',
      code,
      operation,
    });
  const status = fieldOf(error, 'statusCode');
  if (code === 'ERR_PROXY_TUNNEL' && typeof status === 'number' && status < 500)
    return new S3Error(message, { kind: 'proxy', code, operation, status });
  const kind = code === 'HPE_INVALID_CONSTANT' ? 'endpoint' : 'transient';
  return new S3Error(message, { kind, code, operation, cause: error });
}

function networkMessage(error: Error, code: string): string {
  // Of several addresses tried, Node's AggregateError has a message for each, and none of its own.
  const inner = error instanceof AggregateError ? error.errors.map(String).join('; ') : error.message;
  return oneLine(inner.includes(code) ? inner : `${code}: ${inner}`);
}

/** OpenSSL's messages and some stores' break lines. */
function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}

function statusOf(error: Error): number | undefined {
  const status = fieldOf(fieldOf(error, '$metadata'), 'httpStatusCode');
  return typeof status === 'number' ? status : undefined;
}

function regionOf(error: Error): string | undefined {
  const region = headerOf(error, 'x-amz-bucket-region') ?? fieldOf(error, 'Region');
  return typeof region === 'string' && region !== '' ? region : undefined;
}

function originOf(location: unknown): string | undefined {
  return typeof location === 'string' && URL.canParse(location) ? new URL(location).origin : undefined;
}

function headerOf(error: Error, name: string): unknown {
  return fieldOf(fieldOf(fieldOf(error, '$response'), 'headers'), name);
}

function fieldOf(value: unknown, field: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, field) : undefined;
}
