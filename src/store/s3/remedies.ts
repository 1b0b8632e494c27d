import type { S3ErrorKind } from './error-kind.ts';

/** Where requests go and what they ask for: what the sentence of a remedy names. */
export interface BucketLocation {
  readonly bucket: string;
  readonly prefix: string;
  /** SESSION_S3_SSE is set. */
  readonly isEncrypted?: boolean;
  /** SESSION_S3_EXPECTED_OWNER is set. */
  readonly hasExpectedOwner?: boolean;
}

/** As much of an S3Error as a remedy depends on. */
export interface Refusal {
  readonly kind: S3ErrorKind;
  readonly message: string;
  readonly status: number | undefined;
  readonly code: string | undefined;
  readonly operation: string | undefined;
  readonly region: string | undefined;
  readonly redirect: string | undefined;
}

/** What a person can do about an error that does not pass; undefined for one that may. */
export function remedyFor(error: Refusal, location: BucketLocation): string | undefined {
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
    case 'clock':
      return "Set this machine's clock: signatures hold for a quarter of an hour.";
    case 'endpoint':
      return remedyForEndpoint(error);
    case 'proxy':
      return error.status === 407
        ? 'Correct the user and the password in HTTPS_PROXY or HTTP_PROXY.'
        : 'Have the proxy that HTTPS_PROXY names let it through, or name the host in NO_PROXY.';
    case 'denied':
      return remedyForDenial(error, location);
    case 'replaced':
      return 'Read it again from its beginning.';
    case 'condition-refused':
      return 'Write it without a condition: this store takes no If-None-Match, so another session of this name has to be excluded otherwise.';
    case 'rejected':
      return remedyForRejection(error, location);
    default:
      return error.kind satisfies never;
  }
}

function remedyForEndpoint({ code, redirect }: Refusal): string {
  if (code === 'EPROTO') return 'Write http:// in AWS_ENDPOINT_URL_S3: what listens there speaks no TLS.';
  if (code === 'HPE_INVALID_CONSTANT')
    return 'Write https:// in AWS_ENDPOINT_URL_S3, or correct its port: what listens there speaks no plain HTTP.';
  if (redirect !== undefined) return `Set AWS_ENDPOINT_URL_S3 to where it redirects to, ${redirect}.`;
  return 'Correct the scheme, host and port of AWS_ENDPOINT_URL_S3, and see HTTPS_PROXY: what answers there is no S3.';
}

/** The right that each operation needs. https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations.html */
const RIGHTS: Readonly<Record<string, string>> = {
  GetObject: 's3:GetObject',
  HeadObject: 's3:GetObject',
  DeleteObject: 's3:DeleteObject',
  DeleteObjects: 's3:DeleteObject',
  AbortMultipartUpload: 's3:AbortMultipartUpload',
};
const BUCKET_RIGHTS: Readonly<Record<string, string>> = {
  ListObjectsV2: 's3:ListBucket',
  ListMultipartUploads: 's3:ListBucketMultipartUploads',
};

function remedyForDenial({ operation = '' }: Refusal, location: BucketLocation): string {
  const objects = `arn:aws:s3:::${[location.bucket, location.prefix, '*'].filter(Boolean).join('/')}`;
  const owner = location.hasExpectedOwner
    ? ' See also that SESSION_S3_EXPECTED_OWNER is the owner of the bucket.'
    : '';
  const bucketRight = BUCKET_RIGHTS[operation];
  if (bucketRight !== undefined) return `Allow ${bucketRight} on arn:aws:s3:::${location.bucket}.${owner}`;
  const right = RIGHTS[operation] ?? 's3:PutObject';
  const why = {
    's3:DeleteObject': ': saving works without it, but journals stay',
    's3:AbortMultipartUpload': ': without it the parts of an upload that fails stay, and are paid for',
    's3:PutObject': ' (and the use of its KMS key, if it has one)',
  }[right];
  return `Allow ${right} on ${objects}${why ?? ''}.${owner}`;
}

/** The requests that bring what a store may not know: encryption, checksums. */
const WRITES = new Set(['PutObject', 'CreateMultipartUpload', 'UploadPart', 'CompleteMultipartUpload']);
const NO_ENCRYPTION =
  'Unset SESSION_S3_SSE, or give this store a key: it may not know the encryption that is asked for.';
const NO_CHECKSUMS = 'For an older S3-compatible store set AWS_REQUEST_CHECKSUM_CALCULATION=WHEN_REQUIRED.';

function remedyForRejection(error: Refusal, location: BucketLocation): string {
  const { code = '', message, status, operation = '' } = error;
  if (code === 'NoSuchBucket') return 'Create the bucket, or correct its name in SESSION_DESTINATION.';
  if (code === 'InvalidBucketName') return 'Correct the name of the bucket in SESSION_DESTINATION.';
  if (code === 'EntityTooLarge') return 'Give a store that takes objects of this size.';
  const isWrite = WRITES.has(operation);
  if (isWrite && /checksum|x-amz-sdk|trailer|STREAMING-/i.test(message)) return NO_CHECKSUMS;
  // Ceph answers InvalidRequest, without a word more.
  const mayBeEncryption = /encrypt|\bKMS/i.test(message) || message === code || status === 501;
  if (isWrite && location.isEncrypted && mayBeEncryption) return NO_ENCRYPTION;
  // "A header you provided implies functionality that is not implemented": those of a write are the checksums'.
  if (isWrite && status === 501) return NO_CHECKSUMS;
  if (status === 501)
    return `Give a store that knows ${operation || 'what was requested'}: this one does not.`;
  return 'See the error of the store; SESSION_DESTINATION and the SESSION_S3_… variables say what is requested.';
}
