import type { RequestRecord } from '../support/s3-server.ts';

/** The longest that a segment of a journal took to be there, all its tries together, or was under way at the end. */
export function slowestUploadMs(requests: readonly RequestRecord[], endMs: number): number {
  const tries = requests.filter(
    ({ operation, key, atMs }) => operation === 'PutObject' && isSegment(key) && atMs <= endMs,
  );
  const uploads = [...Map.groupBy(tries, ({ key }) => key).values()];
  return Math.max(0, ...uploads.map(upload => durationMs(upload, endMs)));
}

export function isSegment(key: string): boolean {
  return /\/journal(\.\d+)?\/\d+\.tar\.gz$/.test(key);
}

function durationMs(tries: readonly RequestRecord[], endMs: number): number {
  const [first] = tries;
  const done = tries.find(({ status }) => status === 200)?.answeredAtMs ?? endMs;
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
