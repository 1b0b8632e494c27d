import type { DestinationUrl, S3Config } from '../config/session-config.ts';
import { openDirectoryStore } from './directory.ts';
import type { RetryEvent } from './retry.ts';
import type { Store } from './store.ts';

export interface OpenOptions {
  readonly s3: S3Config;
  /** Told of requests that failed and are repeated, for the log. */
  readonly onRetry?: (trouble: RetryEvent) => void;
}

/**
 * Opens the home of a session's archives. Nothing is asked of it yet: see `check`. The AWS SDK is loaded only for S3;
 * it reads the standard AWS variables itself.
 */
export async function openStore(place: DestinationUrl, options: OpenOptions): Promise<Store> {
  switch (place.kind) {
    case 's3': {
      const { openS3 } = await import('./s3/store.ts');
      return openS3(place, options);
    }
    case 'directory':
    case 'inside':
      return openDirectoryStore(place.path);
    default:
      return place satisfies never;
  }
}
