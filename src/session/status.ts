import type { ControlHandler } from '../control-socket/server.ts';
import { describePeople, type Presence } from '../minecraft/player-count.ts';
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
  /** Who takes part, once they are counted. @param details what `health` tells besides */
  setPeople(people: () => Presence, details: () => string): void;
  /** undefined: nobody counts them yet, or any more. */
  people(): Presence | undefined;
  /** Calls what wants to know of each change of who takes part. */
  onPeopleChange(listener: () => void): void;
  peopleChanged(): void;
  /** The server's console, once there is one. */
  setConsole(ask: ControlHandler['sendCommand']): void;
  /** Whether a person has sent the server its stop command. */
  isStopSent(): boolean;
}

/** @param stopCommand by which the server stops; undefined: there is none */
export function createStatus(log: Log, stopCommand: string | undefined): SessionStatus {
  const started: { readonly phase: Phase; readonly atMs: number }[] = [
    { phase: 'preflight', atMs: performance.now() },
  ];
  let console: ControlHandler['sendCommand'] | undefined;
  let countedPeople: (() => Presence) | undefined;
  let detailsOfPeople = () => '';
  let isStopSent = false;
  const listeners: (() => void)[] = [];
  const phaseNow = () => started.at(-1)?.phase ?? 'preflight';
  const people = () => (phaseNow() === 'playing' ? countedPeople?.() : undefined);
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
    setPeople(counted, details) {
      countedPeople = counted;
      detailsOfPeople = details;
    },
    people,
    onPeopleChange(listener) {
      listeners.push(listener);
    },
    peopleChanged() {
      for (const listener of listeners) listener();
    },
    setConsole(ask) {
      console = ask;
    },
    isStopSent: () => isStopSent,
    async sendCommand(line) {
      if (console === undefined) return { ok: false, text: 'the server has not been started yet' };
      isStopSent ||= line.trim() === stopCommand;
      return console(line);
    },
    health() {
      const present = people();
      const phase = phaseNow();
      if (present === undefined) return { ok: true, text: phase };
      return { ok: true, text: `${phase}: ${describePeople(present)}${detailsOfPeople()}` };
    },
  };
}
