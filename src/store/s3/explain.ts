import { SourceError } from '../source.ts';
import { AlreadyExistsError, PermanentError } from '../store.ts';
import { S3Fault } from './errors.ts';

interface Bucket {
  readonly bucket: string;
  readonly prefix: string;
}

/**
 * The error that the caller gets: what was being done, why it failed, and what a person can do.
 * @param what continues "could not", e.g. `save logs.tar.gz to s3://bucket/prefix`
 */
export function explain(error: unknown, what: string, place: Bucket): Error {
  const cause = error instanceof SourceError ? error.cause : error;
  const message = `could not ${what}: ${messageOf(cause)}`;
  if (!(cause instanceof S3Fault)) return new Error(message, { cause });
  if (cause.kind === 'taken') return new AlreadyExistsError(message, { cause });
  const remedy = remedyFor(cause, place);
  return remedy === undefined
    ? new Error(message, { cause })
    : new PermanentError(message, remedy, { cause });
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What a person can do about a fault that does not pass; undefined for one that may. */
export function remedyFor(fault: S3Fault, place: Bucket): string | undefined {
  switch (fault.kind) {
    case 'transient':
    case 'taken':
    case 'conflict':
    case 'gone':
      return undefined;
    case 'region':
      return fault.region === undefined
        ? `Set AWS_REGION to the region of the bucket ${place.bucket}.`
        : `Set AWS_REGION=${fault.region}, where the bucket ${place.bucket} is.`;
    case 'expired':
      return 'Give credentials that have not expired, or a role, whose credentials renew themselves.';
    case 'credentials':
      return 'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to a valid pair, or give the task a role.';
    case 'denied':
      return (
        `Allow s3:PutObject and s3:AbortMultipartUpload on arn:aws:s3:::${[place.bucket, place.prefix, '*'].filter(Boolean).join('/')}` +
        ' (and the use of its KMS key, if it has one); if SESSION_S3_EXPECTED_OWNER is set, see that it is the owner.'
      );
    case 'refused':
      return remedyForRefusal(fault.message);
    default:
      return fault.kind satisfies never;
  }
}

function remedyForRefusal(message: string): string {
  if (message.startsWith('NoSuchBucket'))
    return 'Create the bucket, or correct its name in SESSION_DESTINATION.';
  if (message.startsWith('InvalidBucketName'))
    return 'Correct the name of the bucket in SESSION_DESTINATION.';
  if (message.startsWith('NotImplemented') || /checksum|header/i.test(message))
    return 'For an older S3-compatible store set AWS_REQUEST_CHECKSUM_CALCULATION=WHEN_REQUIRED.';
  return 'See the error of the store; SESSION_DESTINATION and the SESSION_S3_… variables say what is asked of it.';
}
