import { isAbsolute, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DestinationUrl } from './session-config.ts';

/**
 * `s3://bucket/prefix`, `file:///folder`, or a path, taken from the folder `from`.
 * @throws an Error that completes the sentence `SESSION_DESTINATION "text" …`, as those of values.ts do.
 */
export function parseDestinationUrl(text: string, from: string): DestinationUrl {
  const value = text.trim();
  if (/^s3:/i.test(value)) return s3Place(value);
  if (/^file:/i.test(value)) return { kind: 'directory', path: fileFolder(value) };
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(value)?.[1];
  if (scheme !== undefined) {
    throw new Error(
      `is of a kind that is not known, "${scheme}": write s3://bucket/prefix, file:///folder or a path`,
    );
  }
  return { kind: 'directory', path: isAbsolute(value) ? resolve(value) : resolve(from, value) };
}

function s3Place(value: string): DestinationUrl {
  const match = /^s3:\/\/([^/]*)(?:\/(.*))?$/i.exec(value);
  if (match === null) throw new Error(`has no "//": write s3://bucket/prefix`);
  const bucket = match[1] ?? '';
  if (bucket.includes('@'))
    throw new Error('holds credentials: give those in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY');
  // https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) {
    throw new Error(`names no bucket that can exist: "${bucket}" must be 3 to 63 of a-z, 0-9, "." and "-"`);
  }
  const parts = (match[2] ?? '').split('/').filter(part => part !== '');
  if (parts.some(part => part === '.' || part === '..'))
    throw new Error('holds "." or ".." in its prefix: leave that out');
  return { kind: 's3', bucket, prefix: parts.join('/') };
}

function fileFolder(value: string): string {
  try {
    return resolve(fileURLToPath(value));
  } catch (cause) {
    throw new Error('is not a file URL with three slashes: write file:///folder', { cause });
  }
}
