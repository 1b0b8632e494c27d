import type { EcsSettings, ServermgrConfig } from '../../../config/servermgr-config.ts';
import { dashboardEnvironment } from '../launcher.ts';

/** What a task's overrides may have in all, JSON included: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskOverride.html */
const MAX_OVERRIDE_CHARACTERS = 8_192;

export interface Overrides {
  readonly containerOverrides: {
    readonly name: string;
    readonly environment: { readonly name: string; readonly value: string }[];
    readonly command?: string[];
  }[];
  /** In place of the task definition's. */
  readonly taskRoleArn?: string;
}

/** An environment, and perhaps another command, as RunTask takes them. It holds no credentials: a task has a role. */
export function overridesFor(
  container: string,
  env: Readonly<Record<string, string>>,
  command?: readonly string[],
): Overrides {
  const environment = Object.entries(env).map(([name, value]) => ({ name, value }));
  return {
    containerOverrides: [{ name: container, environment, ...(command && { command: [...command] }) }],
  };
}

/** The same for one session. @param name its TIMESTAMP */
export function sessionOverrides(
  { container, dashboardPort }: EcsSettings,
  env: Readonly<Record<string, string>>,
  name: string,
): Overrides {
  return overridesFor(container, { ...env, ...dashboardEnvironment(dashboardPort), TIMESTAMP: name });
}

function overridesLength(overrides: Overrides): number {
  return JSON.stringify(overrides).length;
}

/** Configuration errors: the worlds, and their agents, whose settings RunTask would refuse at every launch. */
export function overridesFaults({ launcher, worlds, agents, session }: ServermgrConfig): string[] {
  if (launcher.kind !== 'ecs') return [];
  const played = worlds.flatMap(world => [undefined, ...agents].map(agent => ({ world, agent })));
  return played.flatMap(({ world, agent }) => {
    const env = { ...session.env, ...world.env, ...agent?.env };
    const length = overridesLength(sessionOverrides(launcher, env, '2026-01-31T12:00:00.000Z-00000000'));
    if (length <= MAX_OVERRIDE_CHARACTERS) return [];
    const withAgent = agent === undefined ? '' : ` with the agent "${agent.id}"`;
    return [
      `the SESSION_… variables of world "${world.id}"${withAgent} take ${length} characters of the ` +
        `${MAX_OVERRIDE_CHARACTERS} that ECS allows: put the longest into the task definition`,
    ];
  });
}
