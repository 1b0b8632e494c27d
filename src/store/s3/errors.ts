/** What an error of S3's, or on the way there, means for whoever asked. */
export type FaultKind =
  /** It may pass: the same request is worth repeating, and may have been carried out. */
  | 'transient'
  /** If-None-Match found an object under the key. */
  | 'taken'
  /** Another request for the same key was faster; a multipart upload has to start anew. */
  | 'conflict'
  /** No such key, or no such upload. */
  | 'gone'
  | 'region'
  | 'expired'
  | 'credentials'
  | 'denied'
  | 'refused';

/**
 * The one error that leaves the SDK's side. It holds neither credentials nor headers, which the SDK's own errors may:
 * SignatureDoesNotMatch brings the string that was signed.
 */
export class S3Fault extends Error {
  override readonly name = 'S3Fault';
  readonly kind: FaultKind;
  readonly status: number | undefined;
  /** The bucket's region, where the store tells it. */
  readonly region: string | undefined;

  constructor(message: string, fault: Pick<S3Fault, 'kind'> & Partial<S3Fault>) {
    super(message, fault.cause === undefined ? undefined : { cause: fault.cause });
    this.kind = fault.kind;
    this.status = fault.status;
    this.region = fault.region;
  }
}

/**
 * Reads an error of the SDK's.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
 */
export function faultFrom(error: unknown): S3Fault {
  if (error instanceof S3Fault) return error;
  if (!(error instanceof Error)) return new S3Fault(String(error), { kind: 'transient' });
  if (error.name === 'CredentialsProviderError') return new S3Fault(error.message, { kind: 'credentials' });
  const status = statusOf(error);
  // No answer: a name that is not known, a connection refused, reset or timed out.
  if (status === undefined) return new S3Fault(networkMessage(error), { kind: 'transient', cause: error });
  const code = error.name === 'Unknown' || error.name === 'Error' ? `HTTP ${status}` : error.name;
  const message = error.message === 'UnknownError' ? code : `${code}: ${error.message}`;
  return new S3Fault(message, { kind: kindOf(error.name, status, error), status, region: regionOf(error) });
}

function kindOf(code: string, status: number, error: Error): FaultKind {
  if (isTransient(code, status, error)) return 'transient';
  if (status === 412) return 'taken';
  if (status === 409) return 'conflict';
  switch (code) {
    case 'NoSuchKey':
    case 'NoSuchUpload':
    case 'NotFound':
      return 'gone';
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
      return status === 401 || status === 403 ? 'denied' : 'refused';
  }
}

/** 4xx codes that are the line's or the moment's fault, not the request's. */
const PASSING = new Set([
  'RequestTimeout',
  'IncompleteBody',
  'BadDigest',
  'XAmzContentSHA256Mismatch',
  'SlowDown',
]);

function isTransient(code: string, status: number, error: Error): boolean {
  // The SDK has just learned the store's clock; the next signature will fit.
  if (isSet(metadataOf(error), 'clockSkewCorrected')) return true;
  return (status >= 500 && status !== 501) || status === 429 || status === 408 || PASSING.has(code);
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
