/** What a task's overrides may have in all, JSON included: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskOverride.html */
export const MOST_OVERRIDE_CHARACTERS = 8_192;

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

export function overridesLength(overrides: Overrides): number {
  return JSON.stringify(overrides).length;
}
