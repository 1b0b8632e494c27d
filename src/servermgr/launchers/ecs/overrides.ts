import type { ServermgrConfig } from '../../../config/servermgr-config.ts';

/** What a task's overrides may have in all, JSON included: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskOverride.html */
const MOST_OVERRIDE_CHARACTERS = 8_192;

export interface Overrides {
  readonly containerOverrides: {
    readonly name: string;
    readonly environment: { readonly name: string; readonly value: string }[];
    readonly command?: string[];
  }[];
  /** In place of the task definition's. */
  readonly taskRoleArn?: string;
}

/** A session's environment as RunTask takes it. Credentials are never in it: a task has its role. */
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

function overridesLength(overrides: Overrides): number {
  return JSON.stringify(overrides).length;
}

/** Worlds whose settings RunTask would refuse, a sentence each: better to hear of it before the first launch. */
export function overridesFaults({ launcher, worlds, session }: ServermgrConfig): string[] {
  if (launcher.kind !== 'ecs') return [];
  return worlds.flatMap(world => {
    const env = { ...session.env, ...world.env, TIMESTAMP: '2026-01-31T12:00:00.000Z-00000000' };
    const length = overridesLength(overridesFor(launcher.container, env));
    if (length <= MOST_OVERRIDE_CHARACTERS) return [];
    return [
      `the SESSION_… variables of world "${world.id}" take ${length} characters of the ` +
        `${MOST_OVERRIDE_CHARACTERS} that ECS allows: put the longest into the task definition`,
    ];
  });
}
