import type { Address } from '../../config/session-config.ts';
import { identityFields, type SessionIdentity } from './identity.ts';

/**
 * Runs sessions somewhere: as processes of this machine, in Docker or on ECS. The launcher is the source of truth:
 * every call reads its present state, so that a restart of the manager loses nothing and several instances agree.
 */
export interface Launcher {
  readonly kind: 'local' | 'docker' | 'ecs';
  /** How often `list` may sensibly be called with so many sessions. */
  pollIntervalMs(sessions: number): number;

  /**
   * Starts a session. Requests with the same idempotency key start one session, whichever instances they arrive at.
   * @returns the session of that key: an earlier request may have started it under another id.
   * @throws {NoCapacityError} when there is no capacity for it anywhere.
   * @throws {UncertainLaunchError} when it may have been started: the same request may be repeated, and has to be.
   */
  launch(request: LaunchRequest): Promise<Session>;

  /** The sessions that are alive and those that ended lately, in no order. */
  list(signal: AbortSignal): Promise<readonly Session[]>;

  /** The present state of these alone, those that somebody waits for: it may be asked every second. */
  look(sessions: readonly Session[], signal: AbortSignal): Promise<readonly Session[]>;

  /**
   * Requests a session's end, by the supervisor's own clean shutdown. It is called again and again, by any instance,
   * until the session is gone: what was done already is not done twice, and what a crash has left undone is done.
   * One that has not ended long after its stop timeout hangs, and is killed. Does nothing for a session that is
   * unknown or has ended.
   */
  stop(session: Session, why: StopReason): Promise<void>;

  /** Starts the recovery of a session that has left a journal and no archive; does not wait for it. */
  recover(request: RecoverRequest): Promise<void>;

  /** What is known of the recovery of a session that was started last; undefined: nothing. */
  recovery(name: string): Promise<RecoveryStatus | undefined>;

  /** Removes what is left of a session that has ended and is saved; does nothing for one that is alive. */
  remove(session: Session): Promise<void>;

  /** Closes connections. Sessions keep running. */
  close(): void;
}

export interface LaunchRequest extends SessionIdentity {
  /** The session's TIMESTAMP. */
  readonly name: string;
  /** The complete SESSION_… environment; the launcher adds TIMESTAMP, the server's address and the dashboard's port. */
  readonly env: Readonly<Record<string, string>>;
  /** An image for Docker, a task definition for ECS; undefined: the one that the launcher is set up with. */
  readonly image?: string | undefined;
}

export interface RecoverRequest {
  /** The session's. */
  readonly name: string;
  /** The session's folder below the destination, as `recover` is told it. */
  readonly folder: string;
  /** Its URL. */
  readonly url: string;
  /** How the sessions reach their store, and pack: SESSION_… variables. */
  readonly env: Readonly<Record<string, string>>;
  /** It is known to have ended: the recovery need not wait until the journal's last heartbeat is old. */
  readonly force: boolean;
}

/** As its launcher sees it: what it does is written at the destination. */
export interface RecoveryStatus {
  readonly isRunning: boolean;
  /** How much of the archive is uploaded; undefined: it does not upload, or its output cannot be read. */
  readonly uploaded: { readonly bytes: number; readonly of: number } | undefined;
  /** The last that it has said; undefined: nothing, or its output cannot be read. */
  readonly words: string | undefined;
}

/** How the agent is told where its dashboard has to listen, and the supervisor with it. */
export function dashboardEnvironment(port: number | undefined): Record<string, string> {
  return port === undefined ? {} : { MCDASHBOARD_PORT: String(port) };
}

/** The arguments of the supervisor, which is the image's entrypoint too. */
export function recoverArguments({ url, force }: RecoverRequest): string[] {
  return force ? ['recover', '--force', url] : ['recover', url];
}

export interface Session extends SessionIdentity {
  /** For operators: the task, the container or the process that it runs as. */
  readonly where: string;
  readonly state: SessionState;
  /** US dollars; undefined: unknown. */
  readonly costPerHour: number | undefined;
}

export type SessionState =
  | { readonly phase: 'requested' }
  /** A machine has been found, and its address is not known yet. */
  | { readonly phase: 'provisioned' }
  | SessionRunning
  /** It is shutting down, or has been requested to. */
  | { readonly phase: 'ending'; readonly stopped: StopReason | undefined }
  | SessionEnded;

export interface SessionRunning {
  readonly phase: 'running';
  /** What visitors connect to. */
  readonly address: Address;
  /** Where the manager reaches the same server. */
  readonly pingAddress: Address;
  /** undefined: the session was launched without one. */
  readonly dashboard: SessionDashboard | undefined;
  readonly sinceMs: number | undefined;
}

/** The agent's dashboard: a web page. */
export interface SessionDashboard {
  /** Where visitors reach it. */
  readonly address: Address;
  /** Where the manager reaches it. */
  readonly probeAddress: Address;
}

/** @param port undefined: there is none. @param probeHost the manager's own way to it */
export function dashboardAt(
  port: number | undefined,
  host: string,
  probeHost: string = host,
): SessionDashboard | undefined {
  if (port === undefined) return undefined;
  return { address: { host, port }, probeAddress: { host: probeHost, port } };
}

export interface SessionEnded {
  readonly phase: 'ended';
  readonly atMs: number | undefined;
  /** In the launcher's words: the stopped reason, the last lines of the output. */
  readonly why: string | undefined;
  readonly exitCode: number | undefined;
  readonly stopped: StopReason | undefined;
  /** It found no machine, and may find one elsewhere; nothing else was wrong with it. */
  readonly lackedCapacity: boolean;
}

/** A session that has just been launched, until its launcher lists it. */
export function requestedSession(identity: SessionIdentity, where: string): Session {
  return { ...identityFields(identity), where, state: { phase: 'requested' }, costPerHour: undefined };
}

/** Why a manager has stopped a session. */
export type StopReason = (typeof STOP_REASONS)[number];

export const STOP_REASONS = ['admin', 'visitor', 'never-ready', 'too-old', 'returned'] as const;

/** For people, and for StopTask's reason. */
export function describeStop(why: StopReason): string {
  switch (why) {
    case 'admin':
      return 'stopped by an administrator';
    case 'visitor':
      return 'ended by the person who started it';
    case 'never-ready':
      return 'stopped because it did not become ready in time';
    case 'too-old':
      return 'stopped because its time was over';
    case 'returned':
      return 'stopped because its participant has given the place back';
    default:
      return why satisfies never;
  }
}

/** It is not known whether the session was started: no answer came, or one that says nothing of it. */
export class UncertainLaunchError extends Error {
  override readonly name = 'UncertainLaunchError';
}

/** There is no capacity, wherever it was tried. */
export class NoCapacityError extends Error {
  override readonly name = 'NoCapacityError';
}

export function isAlive({ state }: Session): boolean {
  return state.phase !== 'ended';
}
