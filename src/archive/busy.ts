/** Tells for how long anything of several things was being done. */
export interface Busy {
  during<T>(work: Promise<T>): Promise<T>;
  /** Until now, without the pauses in which nothing was done. */
  ms(): number;
}

export function countBusy(): Busy {
  let [doing, sinceMs, totalMs] = [0, 0, 0];
  const untilNow = () => (doing > 0 ? performance.now() - sinceMs : 0);
  return {
    during: async work => {
      if (doing === 0) sinceMs = performance.now();
      doing += 1;
      try {
        return await work;
      } finally {
        if (doing === 1) totalMs += untilNow();
        doing -= 1;
      }
    },
    ms: () => totalMs + untilNow(),
  };
}
