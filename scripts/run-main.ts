import { errorText } from '../src/runtime/text.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Where a script writes, a line at a time, without the newline. */
export interface Output {
  readonly print: (line: string) => void;
  readonly printError: (line: string) => void;
}

/**
 * A script without the process around it: arguments, environment and output are handed in.
 * The AWS SDK reads its own variables (AWS_PROFILE, AWS_ENDPOINT_URL_ECR, …) from `process.env` all the same.
 * @returns the exit code. @throws with a remedy when it cannot go on.
 */
export type Main = (args: readonly string[], env: Environment, output: Output) => Promise<number>;

/** Runs a script as this process. */
export async function runMain(main: Main): Promise<void> {
  const output = { print: console.log, printError: console.error };
  process.exitCode = await exitCodeOf(main, process.argv.slice(2), process.env, output);
}

/** Runs a script; an error becomes one line and exit code 1. */
export async function exitCodeOf(main: Main, ...[args, env, output]: Parameters<Main>): Promise<number> {
  try {
    return await main(args, env, output);
  } catch (error) {
    output.printError(describeError(error));
    return 1;
  }
}

/** The SDK's own message says nothing of how to give it credentials. */
function describeError(error: unknown): string {
  const lacksCredentials = error instanceof Error && error.name === 'CredentialsProviderError';
  const remedy = ': write AWS_PROFILE=<profile>, or AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=…';
  return `${errorText(error)}${lacksCredentials ? remedy : ''}`;
}
