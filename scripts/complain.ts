import { errorText } from '../src/runtime/text.ts';

/** Says in one line why a script could not go on, with a remedy where the SDK's own words have none, and ends badly. */
export function complain(error: unknown): void {
  const isLocked = error instanceof Error && error.name === 'CredentialsProviderError';
  const remedy = ': write AWS_PROFILE=<profile>, or AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=…';
  console.error(`${errorText(error)}${isLocked ? remedy : ''}`);
  process.exitCode = 1;
}
