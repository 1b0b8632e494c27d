import { setTimeout } from 'node:timers/promises';

/** Asks until the answer is truthy and nothing is thrown, and returns it. @throws the last fault when time is over. */
export async function eventually<T>(
  ask: () => T | Promise<T>,
  { timeoutMs = 60_000 }: { readonly timeoutMs?: number } = {},
): Promise<T> {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    let fault: unknown = new Error(`not within ${timeoutMs} ms: ${ask}`);
    try {
      const answer = await ask();
      if (answer) return answer;
    } catch (cause) {
      fault = cause;
    }
    if (performance.now() >= endMs) throw fault;
    await setTimeout(20);
  }
}
