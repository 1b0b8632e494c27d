import type { Place, S3Config } from '../config/session-config.ts';
import { openDirectory } from './directory.ts';
import type { Trouble } from './retry.ts';
import type { Destination } from './store.ts';

export interface OpenOptions {
  readonly s3: S3Config;
  /** Told of requests that failed and are repeated, for the log. */
  readonly onTrouble?: (trouble: Trouble) => void;
}

/**
 * Opens the home of a session's archives. Nothing is asked of it yet: see `check`. The AWS SDK is loaded only for S3;
 * it reads the standard AWS variables itself.
 */
export async function openDestination(place: Place, options: OpenOptions): Promise<Destination> {
  switch (place.kind) {
    case 's3': {
      const { openS3 } = await import('./s3/store.ts');
      return openS3(place, options);
    }
    case 'directory':
    case 'inside':
      return openDirectory(place.path);
    default:
      return place satisfies never;
  }
}
