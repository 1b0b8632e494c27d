import { bytesOf } from '../archives.ts';

export const CHUNK: number = 5 * 1024 * 1024;
export const small: Buffer = bytesOf(1000);
export const large: Buffer = bytesOf(2 * CHUNK + 99);

/** How archives come to a bucket. */
export const KINDS = [
  ['put whole', small],
  ['sent in parts', large],
] as const;

/** The requests that create an object. */
export const CREATING = ['PutObject', 'CompleteMultipartUpload'] as const;

/** With it an ETag is no digest. */
export const KMS = { encryption: { algorithm: 'aws:kms', kmsKeyId: undefined } } as const;
