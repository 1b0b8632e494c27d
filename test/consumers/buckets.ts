import { readFileSync } from 'node:fs';
import type { S3Server } from '../support/s3-server.ts';
import type { SavedObject } from './readers.ts';

/** All that lies in a bucket. */
export function savedIn(s3: S3Server, bucket: string): SavedObject[] {
  return s3.objects(bucket).map(({ key, bodies }) => ({
    key,
    content: Buffer.concat(bodies.map(({ file = '' }) => readFileSync(file))),
  }));
}
