import type { Environment } from './session-config.ts';

/**
 * The environment that children get: everything but what belongs to the supervisor alone. Credentials in AWS_*
 * (task-role endpoints included) go on only when asked for; the task's metadata endpoint and the old launcher's
 * script never do.
 */
export function childEnvironment(
  env: Environment,
  { passAws }: { passAws: boolean },
): Record<string, string> {
  const kept = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && isForChildren(entry[0], passAws),
  );
  return Object.fromEntries(kept);
}

function isForChildren(name: string, passAws: boolean): boolean {
  if (name.startsWith('AWS_')) return passAws;
  return !name.startsWith('ECS_') && !PRIVATE.has(name);
}

/** NODE_* settings are meant for the supervisor's own Node, and would change an agent's or a plug-in's. */
const PRIVATE = new Set(['RUN_SH_GZ_B64', 'NODE_OPTIONS', 'NODE_COMPILE_CACHE', 'UV_THREADPOOL_SIZE']);
