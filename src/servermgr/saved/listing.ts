import type { Log } from '../../runtime/log.ts';
import { DeniedError, type Store, type StoredObject } from '../../store/store.ts';

/** Listings of a destination, which its policy may not allow. */
export interface Listing {
  /** @throws {DeniedError} where the right to list is missing, which is logged once */
  list(prefix: string, signal: AbortSignal): AsyncIterable<StoredObject>;
  /** Nothing where that right is missing. */
  listIfAllowed(prefix: string, signal: AbortSignal): AsyncIterable<StoredObject>;
}

export function createListing(destination: Store, log: Log): Listing {
  let isTold = false;

  async function* list(prefix: string, signal: AbortSignal): AsyncGenerator<StoredObject> {
    try {
      yield* destination.list(prefix, signal);
    } catch (error) {
      if (error instanceof DeniedError && !isTold) {
        isTold = true;
        log.warn(
          { event: 'listing_denied', err: error },
          'the destination may not be listed: only reports whose names can be told are found',
        );
      }
      throw error;
    }
  }

  return {
    list,
    async *listIfAllowed(prefix, signal) {
      try {
        yield* list(prefix, signal);
      } catch (error) {
        if (!(error instanceof DeniedError)) throw error;
      }
    },
  };
}
