import type { Presence } from '../minecraft/player-count.ts';
import { within } from '../runtime/abort.ts';
import type { Deadline } from '../runtime/deadline.ts';
import type { SessionProcesses } from './processes.ts';
import type { SessionRuntime } from './runtime.ts';

/** How long before the server is stopped people are told, where there is time. */
const GOODBYE_MS = 5_000;

/** Tells the people in the game that the session ends, and gives them a moment to read it. It never rejects. */
export async function announceEnd(
  runtime: SessionRuntime,
  processes: SessionProcesses,
  deadline: Deadline,
): Promise<void> {
  const { server, monitor } = processes;
  const isServerThere = server !== undefined && server.endedAtMs === undefined;
  if (!isServerThere || !takesCommands(runtime) || !mayBeInGame(monitor?.people())) return;
  const ms = Math.min(GOODBYE_MS, deadline.leftMs() / 4);
  broadcast(runtime, processes, `This session ends in ${durationText(ms)}. Goodbye, and thank you!`);
  await within(ms, server.exited, deadline.signal);
}

/** Tells the people in the game when the session ends. */
export function warnOfEnd(runtime: SessionRuntime, processes: SessionProcesses, leftMs: number): void {
  processes.endsAtMs = performance.now() + leftMs;
  broadcast(runtime, processes, `This session ends in ${durationText(leftMs)}.`);
}

/** Repeats the warning that stands, if one does, to who has joined after it. */
export function warnLateJoiners(runtime: SessionRuntime, processes: SessionProcesses): void {
  const { endsAtMs } = processes;
  if (endsAtMs !== undefined) warnOfEnd(runtime, processes, Math.max(0, endsAtMs - performance.now()));
}

/** How many of those who take part are in the game, where they read what is said there. */
export function peopleInGame({ now, dashboard }: Presence): number {
  return now - dashboard;
}

function mayBeInGame(people: Presence | undefined): boolean {
  return people !== undefined && (people.isUnknown || peopleInGame(people) > 0);
}

function takesCommands({ config }: SessionRuntime): boolean {
  return config.server.stopCommand !== undefined;
}

/**
 * Writes a chat message to everybody in the game, where the server takes console commands. Lines go out in order, and
 * nobody waits for a server that does not read them.
 */
function broadcast(runtime: SessionRuntime, { server }: SessionProcesses, text: string): void {
  if (takesCommands(runtime)) void server?.sendCommand(`say ${text}`);
}

/** `5 minutes`, `1 minute`, `20 seconds`. */
function durationText(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1_000));
  const [count, unit] = seconds < 60 ? [seconds, 'second'] : [Math.round(seconds / 60), 'minute'];
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
