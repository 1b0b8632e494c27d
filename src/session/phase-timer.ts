export interface PhaseTime {
  readonly phase: string;
  readonly ms: number;
}

/** Times the phases of a session, each from its beginning to the next one's. */
export function createPhaseTimer() {
  const begun: { phase: string; atMs: number }[] = [{ phase: 'preflight', atMs: performance.now() }];
  return {
    enter(phase: string): void {
      begun.push({ phase, atMs: performance.now() });
    },
    phases(): PhaseTime[] {
      return begun.map(({ phase, atMs }, i) => ({
        phase,
        ms: Math.round((begun[i + 1]?.atMs ?? performance.now()) - atMs),
      }));
    },
  };
}
