import { isBug } from '../../runtime/bug.ts';
import { errorMessage } from '../../runtime/text.ts';
import { SourceError } from '../source.ts';
import { AlreadyExistsError, ConditionRefusedError, PermanentError, RefusedError } from '../store.ts';

/** What an error of S3's, or of the network, means for the request. */
export type S3ErrorKind =
  /** It may pass: the same request is worth repeating, and may have been carried out. */
  | 'transient'
  /** If-None-Match found an object under the key. */
  | 'exists'
  /** Another request for the same key was faster; a multipart upload has to start anew. */
  | 'conflict'
  /** No such key, or no such upload. */
  | 'not-found'
  /** The store does not take If-None-Match. */
  | 'condition-refused'
  /** If-Match found another object under the key. */
  | 'replaced'
  | 'region'
  | 'expired'
  | 'credentials'
  | 'denied'
  | 'rejected';

/**
 * The one error that client.ts throws. It holds neither credentials nor headers, which the SDK's own errors may:
 * SignatureDoesNotMatch brings the string that was signed.
 */
export class S3Error extends Error {
  override readonly name = 'S3Error';
  readonly kind: S3ErrorKind;
  readonly status: number | undefined;
  /** The bucket's region, where the store names it. */
  readonly region: string | undefined;

  constructor(message: string, details: Pick<S3Error, 'kind'> & Partial<S3Error>) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.kind = details.kind;
    this.status = details.status;
    this.region = details.region;
  }
}

/**
 * Classifies an error of the SDK's.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
 */
export function toS3Error(error: unknown): S3Error {
  if (error instanceof S3Error) return error;
  if (!(error instanceof Error)) return new S3Error(String(error), { kind: 'transient' });
  if (error.name === 'CredentialsProviderError') return new S3Error(error.message, { kind: 'credentials' });
  const status = statusOf(error);
  // No answer: a name that is not known, a connection refused, reset or timed out.
  if (status === undefined) return new S3Error(networkMessage(error), { kind: 'transient', cause: error });
  const code = error.name === 'Unknown' || error.name === 'Error' ? `HTTP ${status}` : error.name;
  const message = error.message === 'UnknownError' ? code : `${code}: ${error.message}`;
  return new S3Error(message, { kind: kindOf(error.name, status, error), status, region: regionOf(error) });
}

function kindOf(code: string, status: number, error: Error): S3ErrorKind {
  if (isTransient(code, status, error)) return 'transient';
  if (status === 412) return 'exists';
  if (status === 409) return 'conflict';
  switch (code) {
    case 'NoSuchKey':
    case 'NoSuchUpload':
    case 'NotFound':
      return 'not-found';
    case 'PermanentRedirect':
    case 'TemporaryRedirect':
    case 'AuthorizationHeaderMalformed':
    case 'IllegalLocationConstraintException':
      return 'region';
    case 'ExpiredToken':
    case 'ExpiredTokenException':
    case 'TokenRefreshRequired':
      return 'expired';
    case 'InvalidAccessKeyId':
    case 'InvalidToken':
    case 'SignatureDoesNotMatch':
      return 'credentials';
    default:
      if (status >= 300 && status < 400) return 'region';
      return status === 401 || status === 403 ? 'denied' : 'rejected';
  }
}

/** 4xx codes that tell of the connection or the load, not of the request. */
const TRANSIENT_CODES = new Set([
  'RequestTimeout',
  'IncompleteBody',
  'BadDigest',
  'XAmzContentSHA256Mismatch',
  'SlowDown',
]);

function isTransient(code: string, status: number, error: Error): boolean {
  // The SDK has just learned the store's clock; the next signature will fit.
  if (isSet(metadataOf(error), 'clockSkewCorrected')) return true;
  return (status >= 500 && status !== 501) || status === 429 || status === 408 || TRANSIENT_CODES.has(code);
}

function networkMessage(error: Error): string {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  // Of several addresses tried, Node's AggregateError has a message for each, and none of its own.
  const inner = error instanceof AggregateError ? error.errors.map(String).join('; ') : error.message;
  return inner.includes(code) ? inner : `${code}: ${inner}`;
}

function statusOf(error: Error): number | undefined {
  const status = fieldOf(metadataOf(error), 'httpStatusCode');
  return typeof status === 'number' ? status : undefined;
}

function regionOf(error: Error): string | undefined {
  const headers = fieldOf(fieldOf(error, '$response'), 'headers');
  const region = fieldOf(headers, 'x-amz-bucket-region') ?? fieldOf(error, 'Region');
  return typeof region === 'string' && region !== '' ? region : undefined;
}

function metadataOf(error: Error): unknown {
  return fieldOf(error, '$metadata');
}

function isSet(value: unknown, field: string): boolean {
  return Boolean(fieldOf(value, field));
}

function fieldOf(value: unknown, field: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, field) : undefined;
}

/** Where a request went, for its error. */
export interface BucketLocation {
  readonly bucket: string;
  readonly prefix: string;
}

/**
 * The error that the caller of a store gets: what was being done, why it failed, and what a person can do.
 * @param what continues "could not", e.g. `save logs.tar.gz to s3://bucket/prefix`
 */
export function explain(error: unknown, what: string, location: BucketLocation): Error {
  const cause = error instanceof SourceError ? error.cause : error;
  if (isBug(cause)) return cause;
  const message = `could not ${what}: ${errorMessage(cause)}`;
  if (!(cause instanceof S3Error)) return new Error(message, { cause });
  if (cause.kind === 'exists') return new AlreadyExistsError(message, { cause });
  const remedy = remedyFor(cause, location);
  if (remedy === undefined) return new Error(message, { cause });
  return new (classOf(cause))(message, remedy, { cause });
}

function classOf({ kind, status }: S3Error): typeof PermanentError {
  if (kind === 'condition-refused') return ConditionRefusedError;
  return status === 501 ? RefusedError : PermanentError;
}

/**
 * For every request but an upload's: where a missing key is an answer, its operation has taken it as one. Any other
 * request for which there is no such key was not answered by an S3.
 */
export function rejectMissing(error: unknown): unknown {
  if (!(error instanceof S3Error) || error.kind !== 'not-found') return error;
  return new S3Error(error.message, { ...error, kind: 'rejected', cause: error });
}

/**
 * For a request with If-None-Match: Swift and Backblaze B2 answer 501 to it, others 400.
 * @throws {S3Error} always
 */
export function rejectCondition(error: unknown): never {
  const isRefused =
    error instanceof S3Error && error.kind === 'rejected' && (error.status === 501 || error.status === 400);
  throw isRefused ? new S3Error(error.message, { ...error, kind: 'condition-refused', cause: error }) : error;
}

/** What a person can do about an error that does not pass; undefined for one that may. */
export function remedyFor(error: S3Error, location: BucketLocation): string | undefined {
  switch (error.kind) {
    case 'transient':
    case 'exists':
    case 'conflict':
    case 'not-found':
      return undefined;
    case 'region':
      return error.region === undefined
        ? `Set AWS_REGION to the region of the bucket ${location.bucket}.`
        : `Set AWS_REGION=${error.region}, where the bucket ${location.bucket} is.`;
    case 'expired':
      return 'Give credentials that have not expired, or a role, whose credentials renew themselves.';
    case 'credentials':
      return 'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to a valid pair, or give the task a role.';
    case 'denied':
      return (
        `Allow s3:PutObject and s3:AbortMultipartUpload on arn:aws:s3:::${[location.bucket, location.prefix, '*'].filter(Boolean).join('/')}` +
        ' (and the use of its KMS key, if it has one); if SESSION_S3_EXPECTED_OWNER is set, see that it is the owner.'
      );
    case 'replaced':
      return 'Read it again from its beginning.';
    case 'condition-refused':
    case 'rejected':
      return remedyForRejection(error.message);
    default:
      return error.kind satisfies never;
  }
}

function remedyForRejection(message: string): string {
  if (message.startsWith('NoSuchBucket'))
    return 'Create the bucket, or correct its name in SESSION_DESTINATION.';
  if (message.startsWith('InvalidBucketName'))
    return 'Correct the name of the bucket in SESSION_DESTINATION.';
  if (message.startsWith('NotImplemented') || /checksum|header/i.test(message))
    return 'For an older S3-compatible store set AWS_REQUEST_CHECKSUM_CALCULATION=WHEN_REQUIRED.';
  return 'See the error of the store; SESSION_DESTINATION and the SESSION_S3_… variables say what is requested.';
}
