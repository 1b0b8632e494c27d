/** As the specification suggests: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#deliverability-and-reliability */
const PAUSES_MS = [...[5_000, 300_000, 1_800_000], ...[2, 5, 10, 14, 20, 24].map(hours => hours * 3_600_000)];
/** Messages that have failed together are not repeated together. */
const JITTER = 0.2;

/**
 * How long until a message is sent once more, in milliseconds; undefined: it is given up, after three days.
 * @param attempts how often it has been sent
 */
export function retryPauseMs(attempts: number): number | undefined {
  const pauseMs = PAUSES_MS[attempts - 1];
  return pauseMs && Math.round(pauseMs * (1 + JITTER * (2 * Math.random() - 1)));
}
