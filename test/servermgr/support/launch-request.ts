import type { LaunchRequest } from '../../../src/servermgr/launchers/launcher.ts';
import { nameOf, newId, randomToken } from '../../../src/servermgr/session-id.ts';

/** @param madeAtMs when the visitor has asked for it */
export function newRequest(
  changes: Partial<LaunchRequest> = {},
  madeAtMs: number = Date.now(),
): LaunchRequest {
  const id = newId(madeAtMs);
  return {
    id,
    name: nameOf(id) ?? '',
    idempotencyKey: `p${randomToken().slice(1)}`,
    visitorHash: randomToken(),
    world: 'flat_world',
    attempt: 1,
    env: {},
    ...changes,
  };
}
