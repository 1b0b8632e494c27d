import { constants } from 'node:os';
import type { ServerLogResult } from '../minecraft/game-server.ts';
import { describeExit, type ExitStatus, succeeded } from '../process/exit-status.ts';
import {
  EXIT_DAMAGED,
  EXIT_DENIED,
  EXIT_INTERNAL_ERROR,
  EXIT_NO_ANSWER,
  EXIT_NOT_SAVED,
  EXIT_NOT_THERE,
  EXIT_USAGE,
} from '../runtime/exit-codes.ts';
import { errorText } from '../runtime/text.ts';

/** What ended a session: one value, from whichever came first. */
export type EndReason =
  /** The destination has said no before anything was started. */
  | { readonly kind: 'destination-refused'; readonly why: string; readonly remedy: string }
  | { readonly kind: 'setup-failed'; readonly exit: ExitStatus }
  | { readonly kind: 'server-not-startable'; readonly why: string }
  /** It exited before it was ever ready: that has failed, whatever its code (Cuberite exits 0 on a taken port). */
  | { readonly kind: 'server-exited-early'; readonly exit: ExitStatus }
  | { readonly kind: 'server-never-ready'; readonly afterMs: number; readonly why: string }
  | { readonly kind: 'server-exited'; readonly exit: ExitStatus; readonly isStopSent?: boolean }
  /** A Cuberite plug-in ended the server its own way: it aborts, and no world is saved. */
  | { readonly kind: 'server-ended-by-plugin'; readonly plugin: string; readonly exit: ExitStatus }
  | { readonly kind: 'server-hung'; readonly afterMs: number; readonly why: string }
  | { readonly kind: 'agent-exited'; readonly exit: ExitStatus }
  | { readonly kind: 'signal'; readonly signal: NodeJS.Signals }
  | { readonly kind: 'max-duration' }
  | { readonly kind: 'nobody-joined' }
  | { readonly kind: 'everybody-left' }
  | { readonly kind: 'bug'; readonly error: unknown };

/** Where what was recorded is now. */
export type SaveState =
  | { readonly how: 'archive' }
  /** Every byte is durable in the journal, but the archive is not made yet. */
  | { readonly how: 'journal'; readonly recover: string }
  | { readonly how: 'lost' }
  /** Nothing was played, so there was nothing to save. */
  | { readonly how: 'nothing-to-save' };

export const EXIT_CODES = [
  { code: 0, meaning: 'the session ended in a normal way, and the archive is saved' },
  { code: 10, meaning: 'the server never became ready' },
  { code: 11, meaning: 'the server died with an error, or hung' },
  { code: 12, meaning: 'the agent died with an error' },
  { code: 13, meaning: 'the setup command failed' },
  { code: EXIT_NOT_SAVED, meaning: 'the archive is not saved' },
  {
    code: 21,
    meaning: 'saved, not yet packed, or not all of it: `recover` makes the archive out of the journal',
  },
  {
    code: EXIT_DAMAGED,
    meaning:
      '`recover`: saved with damage, the journal is kept; `cat`, `get`, `verify`: something is damaged',
  },
  { code: EXIT_USAGE, meaning: 'the configuration, or the destination, has a fault; nothing was started' },
  {
    code: EXIT_NOT_THERE,
    meaning:
      'what was asked for is not there: a session, a file or a journal of it, an archive, a bucket, a folder',
  },
  {
    code: EXIT_INTERNAL_ERROR,
    meaning: 'a bug of the supervisor itself; where the archive is not saved for it, the journal stays',
  },
  {
    code: EXIT_NO_ANSWER,
    meaning: 'the session, or the store, does not answer; it may later',
  },
  {
    code: EXIT_DENIED,
    meaning: 'the right to list the destination, to read there, or to change what was asked for, is missing',
  },
] as const;

/** What else decides on the exit code. */
export interface Trouble {
  /** The second signal: everything was given up. */
  readonly abortedBy: NodeJS.Signals | undefined;
  /** An error of the supervisor's that nobody has caught. */
  readonly hasBug: boolean;
  /** A bug for which the archive is not where it was to be. */
  readonly hasBugInSaving: boolean;
}

/** The exit code of a session's process, and of its report. */
export function exitCode(end: EndReason, saved: SaveState, trouble: Trouble): number {
  if (trouble.abortedBy !== undefined) return signalExitCode(trouble.abortedBy);
  if (trouble.hasBugInSaving) return EXIT_INTERNAL_ERROR;
  const code = codeOf(end, saved);
  return code === 0 && trouble.hasBug ? EXIT_INTERNAL_ERROR : code;
}

/** It tells the cause; only what became of the data tells more. */
function codeOf(end: EndReason, saved: SaveState): number {
  if (saved.how === 'lost') return EXIT_NOT_SAVED;
  if (saved.how === 'journal') return 21;
  switch (end.kind) {
    case 'destination-refused':
      return EXIT_USAGE;
    case 'setup-failed':
      return 13;
    case 'server-not-startable':
    case 'server-exited-early':
    case 'server-never-ready':
      return 10;
    case 'server-exited':
      return succeeded(end.exit) ? 0 : 11;
    case 'server-hung':
      return 11;
    case 'agent-exited':
      return succeeded(end.exit) ? 0 : 12;
    case 'bug':
      return EXIT_INTERNAL_ERROR;
    case 'server-ended-by-plugin':
    case 'signal':
    case 'max-duration':
    case 'nobody-joined':
    case 'everybody-left':
      return 0;
    default:
      return end satisfies never;
  }
}

/** The exit code of a process that a signal ended, as a shell tells it. */
export function signalExitCode(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}

/** One sentence for people. */
export function describeEndReason(end: EndReason): string {
  switch (end.kind) {
    case 'destination-refused':
      return `nothing was started: ${end.why}`;
    case 'setup-failed':
      return `setup failed: it ${describeExit(end.exit)}`;
    case 'server-not-startable':
      return `the server was not started: ${end.why}`;
    case 'server-exited-early':
      return `the server ${describeExit(end.exit)} before it was ready`;
    case 'server-never-ready':
      return `the server answered no ping within ${seconds(end.afterMs)}; at last: ${end.why}`;
    case 'server-exited':
      return `the server ${describeExit(end.exit)}${end.isStopSent ? ', told to stop at its console' : ''}`;
    case 'server-ended-by-plugin':
      return `the plug-in ${end.plugin} ended the server, which ${describeExit(end.exit)}: the world was not saved`;
    case 'server-hung':
      return `the server hung for ${seconds(end.afterMs)}: ${end.why}`;
    case 'agent-exited':
      return `the agent ${describeExit(end.exit)}`;
    case 'signal':
      return `${end.signal} was received`;
    case 'max-duration':
      return 'the maximum duration was reached';
    case 'nobody-joined':
      return 'nobody joined in time';
    case 'everybody-left':
      return 'everybody had left';
    case 'bug':
      return `the supervisor has a bug: ${errorText(end.error)}`;
    default:
      return end satisfies never;
  }
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1_000)} s`;
}

/**
 * A plug-in that ends Cuberite calls os.exit, and the server then always dies of SIGABRT (36 of 36 times): that is
 * how such a session ends normally, with its world lost.
 */
export function refineEndReason(end: EndReason, { exitPlugin }: ServerLogResult): EndReason {
  if (end.kind !== 'server-exited' || exitPlugin === undefined) return end;
  const aborted = 'signal' in end.exit && end.exit.signal === 'SIGABRT';
  return aborted ? { kind: 'server-ended-by-plugin', plugin: exitPlugin, exit: end.exit } : end;
}
