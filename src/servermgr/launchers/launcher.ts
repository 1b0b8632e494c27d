import type { Address } from '../../config/session-config.ts';

/**
 * Where sessions are played: one contract, three homes (processes of this machine, Docker, ECS). The state is theirs:
 * whatever a launcher is asked, it looks there, so that a restart forgets nothing and two instances agree.
 */
export interface Launcher {
  readonly kind: 'local' | 'docker' | 'ecs';
  /** How often it is sensible to look. */
  readonly paceMs: number;

  /**
   * Starts a session. One press starts one session, in however many instances it arrives.
   * @returns the session of that press, which may be another's than the request's.
   * @throws {NoRoomError} when there is no capacity for it anywhere.
   */
  launch(request: LaunchRequest): Promise<Session>;

  /** Those that are alive, and those that have ended of late, in no order. */
  list(signal: AbortSignal): Promise<readonly Session[]>;

  /** Asks a session to end, by the supervisor's own clean stop. One that is unknown or has ended is no error. */
  stop(session: Session, why: StopReason): Promise<void>;

  /** Starts the recovery of a session that has left a journal and no archive; does not wait for it. */
  recover(request: RecoverRequest): Promise<void>;

  /** Removes what is left of a session that has ended and is saved. */
  forget(session: Session): Promise<void>;

  /** Lets go of sockets. Sessions play on. */
  close(): void;
}

export interface LaunchRequest {
  readonly id: string;
  readonly name: string;
  /** The press, as `pressMark` makes it: a client token. */
  readonly press: string;
  readonly visitor: string;
  readonly world: string;
  /** From 1; a launch that died for lack of capacity is tried again elsewhere. */
  readonly attempt: number;
  /** The complete SESSION_… environment, TIMESTAMP and address excepted. */
  readonly env: Readonly<Record<string, string>>;
}

export interface RecoverRequest {
  /** The session's. */
  readonly name: string;
  /** The session's own folder at the destination. */
  readonly url: string;
  /** It is known to have ended: the journal's last heartbeat need not be waited for. */
  readonly force: boolean;
}

/** What the supervisor is told: its own command, and the image's entrypoint's. */
export function recoverArguments({ url, force }: RecoverRequest): string[] {
  return force ? ['recover', '--force', url] : ['recover', url];
}

export interface Session {
  readonly id: string;
  readonly press: string;
  readonly visitor: string;
  readonly world: string;
  readonly attempt: number;
  /** For the people who run it: a task, a container or a process. */
  readonly where: string;
  readonly state: SessionState;
  /** US dollars; undefined: nobody knows. */
  readonly costPerHour: number | undefined;
}

export type SessionState =
  | { readonly phase: 'asked' }
  /** A machine has been found, and its address is not known yet. */
  | { readonly phase: 'provisioned' }
  | {
      readonly phase: 'running';
      /** What visitors are told. */
      readonly address: Address;
      /** Where the manager reaches it. */
      readonly pingAddress: Address;
      readonly sinceMs: number | undefined;
    }
  /** It has been asked to end, or is doing so. */
  | { readonly phase: 'ending'; readonly stopped: StopReason | undefined }
  | SessionEnded;

export interface SessionEnded {
  readonly phase: 'ended';
  readonly atMs: number | undefined;
  /** In the launcher's words: the stopped reason, the last lines of the output. */
  readonly why: string | undefined;
  readonly exitCode: number | undefined;
  readonly stopped: StopReason | undefined;
  /** Nothing was wrong with it: it found no machine, and may find one elsewhere. */
  readonly lackedCapacity: boolean;
}

/** Why a manager has stopped a session. */
export type StopReason = 'admin' | 'visitor' | 'never-ready' | 'too-many';

export const STOP_REASONS = ['admin', 'visitor', 'never-ready', 'too-many'] as const;

/** For people, and for StopTask's reason. */
export function describeStop(why: StopReason): string {
  switch (why) {
    case 'admin':
      return 'stopped by an administrator';
    case 'visitor':
      return 'ended by the person who started it';
    case 'never-ready':
      return 'stopped because it did not become ready in time';
    case 'too-many':
      return 'stopped because another session took its place';
    default:
      return why satisfies never;
  }
}

/** There is no capacity, wherever it was tried. */
export class NoRoomError extends Error {
  override readonly name = 'NoRoomError';
}

export function isAlive({ state }: Session): boolean {
  return state.phase !== 'ended';
}
