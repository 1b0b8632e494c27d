import type { Capacity, EcsSettings } from '../../../config/servermgr-config.ts';

/** Where a task may run: a kind of capacity, and the subnets that ECS may choose from. */
export interface Placement {
  readonly capacity: Capacity;
  readonly subnets: readonly string[];
}

/**
 * Where a launch is tried, in this order: each kind of capacity first in all subnets, of which ECS chooses one, then
 * in each alone, since each is in another zone. A later attempt begins with a later placement.
 * @param attempt from 1
 */
export function placements({ capacity, subnets }: EcsSettings, attempt: number): readonly Placement[] {
  const choices = subnets.length > 1 ? [subnets, ...subnets.map(subnet => [subnet])] : [subnets];
  const all = capacity.flatMap(kind => choices.map(choice => ({ capacity: kind, subnets: choice })));
  const first = (attempt - 1) % all.length;
  return [...all.slice(first), ...all.slice(0, first)];
}

/** Whether ECS gave a reason that may not hold in another zone, or a moment later. */
export function isLackOfCapacity(reason: string): boolean {
  return /capacity is unavailable|capacity isn.t available|RESOURCE:|limit on the number of (?:vCPUs|tasks)|insufficient capacity/i.test(
    reason,
  );
}

/** Why no placement had capacity, for the visitor and for the operator. @param reasons of ECS, one a placement */
export function describeLack(reasons: readonly string[]): string {
  if (reasons.some(reason => /limit on the number of/i.test(reason))) {
    return 'the account runs as many tasks as it may (its Fargate quota is reached)';
  }
  return `Amazon has no free machine in any of the zones just now (${reasons.join('; ')})`;
}
