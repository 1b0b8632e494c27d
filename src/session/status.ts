import type { ControlHandler } from '../control-socket/server.ts';
import type { JournalReport } from '../journal/writer/state.ts';
import type { Beat } from '../minecraft/cuberite/beat.ts';
import { describePeople, type Presence } from '../minecraft/player-count.ts';
import type { Log } from '../runtime/log.ts';
import type { ProgressCounts } from '../runtime/progress.ts';

export type Phase = 'preflight' | 'setup' | 'starting' | 'playing' | 'stopping' | 'saving';

export interface PhaseTime {
  readonly phase: Phase;
  readonly ms: number;
}

/** What a running session does now: for the log, the report, the control socket and whoever monitors it. */
export interface SessionStatus extends ControlHandler {
  startPhase(phase: Phase): void;
  phase(): Phase;
  /** Calls what wants to know of each phase that begins from now on. */
  onPhaseStart(listener: (phase: Phase) => void): void;
  /** The phases so far, each with its time until the next one began. */
  phases(): PhaseTime[];
  /** Who takes part, once they are counted. */
  setPeople(counted: CountedPeople): void;
  /** undefined: nobody counts them yet, or any more. */
  people(): Presence | undefined;
  /** Calls what wants to know of each change of who takes part. */
  onPeopleChange(listener: () => void): void;
  peopleChanged(): void;
  /** What the server's world has told last; undefined: it does not tell, or nobody asks it yet, or any more. */
  beat(): Beat | undefined;
  /** The journal, once there is one. */
  setJournal(report: () => JournalReport): void;
  /** undefined: there is no journal yet. */
  journal(): JournalReport | undefined;
  /** The archive, each time that it is begun. */
  setArchive(counts: () => ProgressCounts): void;
  /** How much of it is packed; undefined: it is not begun yet. */
  archive(): ProgressCounts | undefined;
  /** A request to a store has failed, and is repeated. */
  requestRetried(): void;
  requestRetries(): number;
  /** The server's console, once there is one. */
  setConsole(ask: ControlHandler['sendCommand']): void;
  /** Whether a person has sent the server its stop command. */
  isStopSent(): boolean;
}

export interface CountedPeople {
  readonly people: () => Presence;
  readonly beat: () => Beat | undefined;
  /** What `health` tells besides. */
  readonly details: () => string;
}

/** @param stopCommand by which the server stops; undefined: there is none */
export function createStatus(log: Log, stopCommand: string | undefined): SessionStatus {
  const started: { readonly phase: Phase; readonly atMs: number }[] = [
    { phase: 'preflight', atMs: performance.now() },
  ];
  let console: ControlHandler['sendCommand'] | undefined;
  let counted: CountedPeople | undefined;
  let journal: (() => JournalReport) | undefined;
  let archive: (() => ProgressCounts) | undefined;
  let retries = 0;
  let isStopSent = false;
  const listeners: (() => void)[] = [];
  const phaseListeners: ((phase: Phase) => void)[] = [];
  const phaseNow = () => started.at(-1)?.phase ?? 'preflight';
  const countedNow = () => (phaseNow() === 'playing' ? counted : undefined);
  const people = () => countedNow()?.people();
  return {
    startPhase(phase) {
      started.push({ phase, atMs: performance.now() });
      log.info({ event: 'phase_started', phase }, `phase started: ${phase}`);
      for (const listener of phaseListeners) listener(phase);
    },
    phase: phaseNow,
    onPhaseStart(listener) {
      phaseListeners.push(listener);
    },
    phases: () =>
      started.map(({ phase, atMs }, i) => ({
        phase,
        ms: Math.round((started[i + 1]?.atMs ?? performance.now()) - atMs),
      })),
    setPeople(given) {
      counted = given;
    },
    people,
    onPeopleChange(listener) {
      listeners.push(listener);
    },
    peopleChanged() {
      for (const listener of listeners) listener();
    },
    beat: () => countedNow()?.beat(),
    setJournal(report) {
      journal = report;
    },
    journal: () => journal?.(),
    setArchive(counts) {
      archive = counts;
    },
    archive: () => archive?.(),
    requestRetried() {
      retries += 1;
    },
    requestRetries: () => retries,
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
      return { ok: true, text: `${phase}: ${describePeople(present)}${counted?.details() ?? ''}` };
    },
  };
}
