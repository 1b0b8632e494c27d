import type { ControlHandler } from '../control-socket/server.ts';
import type { Log } from '../runtime/log.ts';

export type Phase = 'preflight' | 'setup' | 'starting' | 'playing' | 'stopping' | 'saving';

export interface PhaseTime {
  readonly phase: Phase;
  readonly ms: number;
}

/** What a running session does now: for the log, the report and the control socket. */
export interface SessionStatus extends ControlHandler {
  startPhase(phase: Phase): void;
  /** The phases so far, each with its time until the next one began. */
  phases(): PhaseTime[];
  /** Who takes part, in words, once they are counted. */
  setPeople(describe: () => string): void;
  /** The server's console, once there is one. */
  setConsole(ask: ControlHandler['sendCommand']): void;
}

export function createStatus(log: Log): SessionStatus {
  const started: { readonly phase: Phase; readonly atMs: number }[] = [
    { phase: 'preflight', atMs: performance.now() },
  ];
  let console: ControlHandler['sendCommand'] | undefined;
  let describePeople: (() => string) | undefined;
  return {
    startPhase(phase) {
      started.push({ phase, atMs: performance.now() });
      log.info({ event: 'phase_started', phase }, `phase started: ${phase}`);
    },
    phases: () =>
      started.map(({ phase, atMs }, i) => ({
        phase,
        ms: Math.round((started[i + 1]?.atMs ?? performance.now()) - atMs),
      })),
    setPeople(describe) {
      describePeople = describe;
    },
    setConsole(ask) {
      console = ask;
    },
    async sendCommand(line) {
      return (await console?.(line)) ?? { ok: false, text: 'the server has not been started yet' };
    },
    health() {
      const phase = started.at(-1)?.phase ?? 'preflight';
      const people = phase === 'playing' ? describePeople?.() : undefined;
      return { ok: true, text: people === undefined ? phase : `${phase}: ${people}` };
    },
  };
}
