/** Token buckets, and the operations that share each of them. */
export type Limits = Readonly<
  Record<
    string,
    { readonly burst: number; readonly perSecond: number; readonly operations: readonly string[] }
  >
>;

/** What AWS publishes, for an account in a region. */
export const PUBLISHED_LIMITS: Limits = {
  write: { burst: 100, perSecond: 40, operations: ['RunTask', 'StopTask'] },
  fargate: { burst: 100, perSecond: 20, operations: ['RunTask'] },
  read: { burst: 100, perSecond: 20, operations: ['ListTasks', 'DescribeTasks'] },
  interfaces: { burst: 100, perSecond: 20, operations: ['DescribeNetworkInterfaces'] },
};

/** Counts requests as AWS does: what finds no token in one of its buckets is throttled. */
export function createLimits(limits: Limits) {
  const buckets = Object.values(limits).map(limit => ({ ...limit, tokens: limit.burst, atMs: Date.now() }));
  return {
    /** @returns whether the request may pass */
    take(operation: string): boolean {
      const own = buckets.filter(({ operations }) => operations.includes(operation));
      const nowMs = Date.now();
      for (const bucket of own) {
        const refilled = bucket.tokens + ((nowMs - bucket.atMs) / 1_000) * bucket.perSecond;
        bucket.tokens = Math.min(bucket.burst, refilled);
        bucket.atMs = nowMs;
      }
      if (own.some(({ tokens }) => tokens < 1)) return false;
      for (const bucket of own) bucket.tokens -= 1;
      return true;
    },
  };
}
