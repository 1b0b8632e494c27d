import { join } from 'node:path';
import type { ChildName, SessionConfig } from '../config/session-config.ts';

/** What each child prints goes here, below the working directory: names that readers of earlier sessions know. */
const LOGS = { setup: 'setup.log', server: 'cuberite_process.log', agent: 'agent.log' } as const;

/** The absolute path of a child's log. */
export function childLog({ workdir }: SessionConfig, name: ChildName): string {
  return join(workdir, LOGS[name]);
}
