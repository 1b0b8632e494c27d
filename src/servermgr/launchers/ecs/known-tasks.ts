import type { Task } from '@aws-sdk/client-ecs';
import { isAlive, type Session } from '../launcher.ts';
import { TAGS } from './requests.ts';
import { isStopped, tagOf } from './tasks.ts';

/** By then ECS tells that a task is stopping; if it does not, the request is repeated. */
const STOP_SHOWS_MS = 15_000;

/** What ECS has said of tasks, by their ARNs: a memory that saves requests, and that nothing else depends on. */
export function createKnownTasks(manager: string) {
  const sessions = new Map<string, Session>();
  /** Tasks that are no sessions of this manager: its recoveries, and other managers' tasks in the same family. */
  const others = new Set<string>();
  const stopRequestsMs = new Map<string, number>();

  return {
    /** Whether it is a session's; what is not is remembered. */
    isSession(task: Task): boolean {
      const owner = tagOf(task, TAGS.manager);
      if (owner === manager && tagOf(task, TAGS.id) !== undefined) return true;
      const isOther = owner !== undefined || isStopped(task);
      if (isOther && task.taskArn !== undefined) others.add(task.taskArn);
      return false;
    },
    set(session: Session): void {
      sessions.set(session.where, session);
    },
    sessionOf: (arn: string) => sessions.get(arn),
    /** Whether another description would say the same. */
    isSettled: (arn: string) => others.has(arn) || sessions.get(arn)?.state.phase === 'ended',
    /** The task that a session runs as. */
    taskOf: (id: string) =>
      lastAttempts([...sessions.values()].filter(session => session.id === id))[0]?.where,
    stopRequested: (arn: string) => void stopRequestsMs.set(arn, performance.now()),
    /** Whether it needs no other request to stop. */
    isStopping(arn: string): boolean {
      const phase = sessions.get(arn)?.state.phase;
      const requestedMs = stopRequestsMs.get(arn) ?? Number.NEGATIVE_INFINITY;
      return phase === 'ending' || phase === 'ended' || performance.now() - requestedMs < STOP_SHOWS_MS;
    },
    size: () => sessions.size,
    /** Forgets all but these. */
    keepOnly(arns: ReadonlySet<string>): void {
      for (const kept of [sessions, others, stopRequestsMs])
        for (const arn of kept.keys()) if (!arns.has(arn)) kept.delete(arn);
    },
  };
}

/** A launch that was repeated has several tasks: the last one counts, and of two with one number one that is alive. */
export function lastAttempts(sessions: readonly Session[]): readonly Session[] {
  const last = new Map<string, Session>();
  for (const session of sessions) {
    const other = last.get(session.id);
    if (other === undefined || isLater(session, other)) last.set(session.id, session);
  }
  return [...last.values()];
}

/** In an order that all instances agree on. */
function isLater(one: Session, other: Session): boolean {
  if (one.attempt !== other.attempt) return one.attempt > other.attempt;
  if (isAlive(one) !== isAlive(other)) return isAlive(one);
  return one.where < other.where;
}
