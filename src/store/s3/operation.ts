import type { S3Client } from '@aws-sdk/client-s3';

const operations = new WeakMap<Error, string>();

/** Notes on the errors of a client which operation they are of: the SDK's own do not say. */
export function noteOperations(client: S3Client): void {
  client.middlewareStack.add(
    (next, context) => async args => {
      try {
        return await next(args);
      } catch (error) {
        if (error instanceof Error && context.commandName !== undefined)
          operations.set(error, context.commandName.replace(/Command$/, ''));
        throw error;
      }
    },
    { step: 'initialize', priority: 'high', name: 'noteOperations' },
  );
}

/** E.g. `PutObject`. */
export function operationOf(error: unknown): string | undefined {
  return error instanceof Error ? operations.get(error) : undefined;
}
