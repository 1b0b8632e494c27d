import type { Capacity, EcsSettings } from '../../../config/servermgr-config.ts';

/** Where a task may run: a kind of capacity, and the subnets that ECS may choose from. */
export interface Placement {
  readonly capacity: Capacity;
  readonly subnets: readonly string[];
}

/**
 * Where a launch is tried, one place after the other: each kind of capacity first in all subnets, of which ECS takes
 * one, then in each alone, since each is in another zone. Later attempts begin further on.
 */
export function placements({ capacity, subnets }: EcsSettings, attempt: number): readonly Placement[] {
  const choices = subnets.length > 1 ? [subnets, ...subnets.map(subnet => [subnet])] : [subnets];
  const all = capacity.flatMap(kind => choices.map(choice => ({ capacity: kind, subnets: choice })));
  const first = (attempt - 1) % all.length;
  return [...all.slice(first), ...all.slice(0, first)];
}

/** Reasons that another zone, or another moment, may not have. */
export function isLackOfCapacity(reason: string): boolean {
  return /capacity is unavailable|capacity isn.t available|RESOURCE:|limit on the number of (?:vCPUs|tasks)|insufficient capacity/i.test(
    reason,
  );
}

/** For the person who waits, and the one who can do something about it. */
export function lackExplained(reasons: readonly string[]): string {
  if (reasons.some(reason => /limit on the number of/i.test(reason))) {
    return 'the account runs as many tasks as it may (its Fargate quota is reached)';
  }
  return `Amazon has no free machine in any of the zones just now (${reasons.join('; ')})`;
}
