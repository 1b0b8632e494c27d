import { isBug } from '../../runtime/bug.ts';
import { errorMessage } from '../../runtime/text.ts';
import { SourceError } from '../source.ts';
import {
  AlreadyExistsError,
  ChecksumError,
  ConditionRefusedError,
  DeniedError,
  NoSuchBucketError,
  PermanentError,
  RefusedError,
} from '../store.ts';
import type { S3ErrorKind } from './error-kind.ts';
import { type BucketLocation, remedyFor } from './remedies.ts';

export type { BucketLocation } from './remedies.ts';

/**
 * The one error that client.ts throws. It holds neither credentials nor headers, which the SDK's own errors may:
 * SignatureDoesNotMatch brings the string that was signed.
 */
export class S3Error extends Error {
  override readonly name = 'S3Error';
  readonly kind: S3ErrorKind;
  readonly status: number | undefined;
  /** S3's own name for it, e.g. `NoSuchBucket`; undefined where the answer has none, as that to a HEAD. */
  readonly code: string | undefined;
  /** What was requested, e.g. `PutObject`. */
  readonly operation: string | undefined;
  /** The bucket's region, where the store names it. */
  readonly region: string | undefined;
  /** Where the answer redirects to. */
  readonly redirect: string | undefined;

  constructor(message: string, details: Pick<S3Error, 'kind'> & Partial<S3Error>) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.kind = details.kind;
    this.status = details.status;
    this.code = details.code;
    this.operation = details.operation;
    this.region = details.region;
    this.redirect = details.redirect;
  }
}

/** The same error, of another kind. */
export function asKind(error: S3Error, kind: S3ErrorKind, message = error.message): S3Error {
  return new S3Error(message, { ...error, kind, cause: error });
}

/**
 * The error that the caller of a store gets: what was being done, why it failed, and what a person can do.
 * @param what continues "could not", e.g. `save logs.tar.gz to s3://bucket/prefix`
 */
export function explain(error: unknown, what: string, location: BucketLocation): Error {
  const cause = error instanceof SourceError ? error.cause : error;
  if (isBug(cause)) return cause;
  const message = `could not ${what}: ${errorMessage(cause)}`;
  if (cause instanceof ChecksumError) return new ChecksumError(message, { cause });
  if (cause instanceof PermanentError) return new PermanentError(message, cause.remedy, { cause });
  if (!(cause instanceof S3Error)) return new Error(message, { cause });
  if (cause.kind === 'exists') return new AlreadyExistsError(message, { cause });
  const remedy = remedyFor(cause, location);
  if (remedy === undefined) return new Error(message, { cause });
  return new (classOf(cause))(message, remedy, { cause });
}

function classOf({ kind, status, code }: S3Error): typeof PermanentError {
  if (kind === 'condition-refused') return ConditionRefusedError;
  if (kind === 'denied') return DeniedError;
  if (code === 'NoSuchBucket') return NoSuchBucketError;
  return status === 501 ? RefusedError : PermanentError;
}

/**
 * For every request but an upload's: where a missing key is an answer, its operation has taken it as one. Any other
 * request for which there is no such key was not answered by an S3.
 */
export function rejectMissing(error: unknown): unknown {
  return error instanceof S3Error && error.kind === 'not-found' ? asKind(error, 'rejected') : error;
}

/**
 * For a request with If-None-Match: Swift and Backblaze B2 answer 501 to it, others 400.
 * @throws {S3Error} always
 */
export function rejectCondition(error: unknown): never {
  throw isRefusedCondition(error) ? asKind(error, 'condition-refused') : error;
}

/** The codes by which a store says that it does not know a header: others are about the parts, or the body. */
const UNKNOWN_HEADER = new Set(['NotImplemented', 'InvalidArgument', 'InvalidRequest', 'BadRequest']);

function isRefusedCondition(error: unknown): error is S3Error {
  if (!(error instanceof S3Error) || error.kind !== 'rejected') return false;
  return error.status === 501 || (error.status === 400 && UNKNOWN_HEADER.has(error.code ?? ''));
}
