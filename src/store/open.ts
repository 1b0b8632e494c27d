import type { DestinationUrl, S3Config } from '../config/session-config.ts';
import { openDirectoryStore } from './directory.ts';
import type { StoreObserver } from './observer.ts';
import type { Store } from './store.ts';
import { withRetry } from './with-retry.ts';

export interface OpenOptions extends StoreObserver {
  readonly s3: S3Config;
  /** The run that opens it; S3 objects name the run that wrote them in their metadata. */
  readonly run?: string | undefined;
}

/** A disk answers soon, or not at all. */
const DIRECTORY_TRIES = 5;

/**
 * Opens the store at a URL, with retry. Nothing is requested yet: see `check`. The AWS SDK is loaded only for S3; it
 * reads the standard AWS variables itself.
 */
export async function openStore(
  target: DestinationUrl,
  { s3, run, ...observer }: OpenOptions,
): Promise<Store> {
  switch (target.kind) {
    case 's3': {
      const { openS3Store } = await import('./s3/store.ts');
      return withRetry(await openS3Store(target, s3, { run, ...observer }), observer);
    }
    case 'directory':
    case 'inside':
      return withRetry(openDirectoryStore(target.path), { ...observer, maxTries: DIRECTORY_TRIES });
    default:
      return target satisfies never;
  }
}
