import type { RequestRecord } from '../support/s3-server.ts';

/** The longest that a segment of a journal took to upload, all attempts together, or had taken at the end. */
export function slowestUploadMs(requests: readonly RequestRecord[], endMs: number): number {
  const attempts = requests.filter(
    ({ operation, key, atMs }) => operation === 'PutObject' && isSegment(key) && atMs <= endMs,
  );
  const uploads = [...Map.groupBy(attempts, ({ key }) => key).values()];
  return Math.max(0, ...uploads.map(upload => durationMs(upload, endMs)));
}

/**
 * How long a session took to claim its name, and how long before the end that was: its journal begins then. Between the
 * claim and the first segment it looks whether another program has the name.
 */
export function claimTimes(requests: readonly RequestRecord[], endMs: number) {
  const puts = requests.filter(({ operation, key }) => operation === 'PutObject' && isClaim(key));
  const startMs = Math.min(endMs, ...puts.map(({ atMs }) => atMs));
  const segments = requests.filter(({ operation, key }) => operation === 'PutObject' && isSegment(key));
  const claimedMs = Math.max(startMs, Math.min(endMs, ...segments.map(({ atMs }) => atMs)));
  return { tookMs: claimedMs - startMs, beforeEndMs: endMs - claimedMs };
}

function isClaim(key: string): boolean {
  return /\/claims?(?:\/[-0-9a-f]+)?\.json$/.test(key);
}

export function isSegment(key: string): boolean {
  return /\/journal(\.\d+)?\/\d+\.tar\.gz$/.test(key);
}

function durationMs(attempts: readonly RequestRecord[], endMs: number): number {
  const [first] = attempts;
  const done = attempts.find(({ status }) => status === 200)?.answeredAtMs ?? endMs;
  return first === undefined ? 0 : Math.min(done, endMs) - first.atMs;
}

/** A line for each request that puts something, with times before the end. */
export function describeUploads(requests: readonly RequestRecord[], endMs: number): string {
  const puts = requests.filter(({ operation }) => operation === 'PutObject');
  const lines = puts.map(
    ({ key, atMs, answeredAtMs, status }) =>
      `put ${key} from ${atMs - endMs} to ${(answeredAtMs ?? endMs) - endMs} ms: ${status ?? 'no answer'}\n`,
  );
  return lines.join('');
}
