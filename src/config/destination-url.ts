import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { SESSIONS_FOLDER } from './key-template.ts';
import type { DestinationUrl } from './session-config.ts';

/** `s3://bucket/prefix`, `file:///folder`, or a path, which stays relative. */
export const destinationUrl = v.pipe(
  v.string(),
  v.trim(),
  // A path with them would be a folder of that name.
  v.check(
    text => !/^["'“”‘’]|["'“”‘’]$/.test(text),
    'begins or ends with a quote: write s3://bucket/prefix, file:///folder or a path without it',
  ),
  v.lazy((text): v.GenericSchema<string, DestinationUrl> => {
    if (/^s3:/i.test(String(text))) return s3Url;
    return /^file:/i.test(String(text)) ? fileUrl : path;
  }),
);

const S3_URL = /^s3:\/\/([^/]*)(?:\/(.*))?$/i;

const s3Url = v.pipe(
  v.string(),
  v.regex(S3_URL, 'has no "//": write s3://bucket/prefix'),
  v.transform(url => {
    const [, bucket = '', prefix = ''] = S3_URL.exec(url) ?? [];
    return { bucket, parts: prefix.split('/').filter(part => part !== '') };
  }),
  v.check(
    ({ bucket }) => !bucket.includes('@'),
    'holds credentials: give those in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
  ),
  v.check(({ bucket }) => bucket !== '', 'names no bucket: write s3://bucket/prefix'),
  // https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
  v.check(
    ({ bucket }) => /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket),
    ({ input: { bucket } }) =>
      `names no bucket that can exist: "${bucket}" must be 3 to 63 of a-z, 0-9, "." and "-"`,
  ),
  v.check(
    ({ parts }) => !parts.some(part => part === '.' || part === '..'),
    'holds "." or ".." in its prefix: leave that out',
  ),
  v.transform(({ bucket, parts }): DestinationUrl => ({ kind: 's3', bucket, prefix: parts.join('/') })),
);

const fileUrl = v.pipe(
  v.string(),
  v.rawTransform<string, DestinationUrl>(({ dataset, addIssue, NEVER }) => {
    try {
      return { kind: 'directory', path: fileURLToPath(dataset.value) };
    } catch {
      addIssue({ message: 'is not a file URL with three slashes: write file:///folder' });
      return NEVER;
    }
  }),
);

const SCHEME = /^([a-z][a-z0-9+.-]*):\/\//i;

const path = v.pipe(
  v.string(),
  v.check(
    text => !SCHEME.test(text),
    ({ input }) =>
      `is of a kind that is not known, "${SCHEME.exec(input)?.[1]}": write s3://bucket/prefix, file:///folder or a path`,
  ),
  v.transform((text): DestinationUrl => ({ kind: 'directory', path: text })),
);

/** The same destination with an absolute path. */
export function resolveDestination(url: DestinationUrl, cwd: string): DestinationUrl {
  return url.kind === 's3' ? url : { ...url, path: resolve(cwd, url.path) };
}

/** As a user would write it. */
export function destinationText(url: DestinationUrl): string {
  return url.kind === 's3' ? `s3://${[url.bucket, url.prefix].filter(Boolean).join('/')}` : url.path;
}

/** The folders of a bucket in which programs that have long read this project's data take every object for an archive. */
const READ_WHOLE = /^(?:[^/]+\/interaction|(turk_interactions_with_agent)\/turk)(?:\/|$)/;

/** What is wrong with a destination inside such a folder, for a person; undefined: it is in none. */
export function readersNotice(variable: string, url: DestinationUrl): string | undefined {
  const found = url.kind === 's3' ? READ_WHOLE.exec(url.prefix) : null;
  if (url.kind !== 's3' || found === null) return undefined;
  const above = destinationText({ ...url, prefix: found[1] ?? '' });
  return (
    `${variable} ${destinationText(url)} is in a folder that readers of sessions list whole: they fail on ` +
    `${SESSIONS_FOLDER} in it; write ${above}, and let SESSION_KEY name the folders below`
  );
}
