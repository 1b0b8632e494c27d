import type { DestinationUrl, SessionConfig } from '../config/session-config.ts';
import type { Log } from '../runtime/log.ts';
import { openStore } from '../store/open.ts';
import { logRetries } from '../store/retry-log.ts';
import type { Store } from '../store/store.ts';

export interface Places extends Disposable {
  open(place: DestinationUrl): Promise<Store>;
}

/** Opens each destination of a session once, and closes them all at its end. */
export function openPlaces({ save }: SessionConfig, log: Log): Places {
  const opened = new Map<DestinationUrl, Promise<Store>>();
  return {
    open(place) {
      const known = opened.get(place);
      if (known !== undefined) return known;
      const opening = openStore(place, {
        s3: save.s3,
        ...logRetries(log),
      });
      opened.set(place, opening);
      return opening;
    },
    [Symbol.dispose]() {
      for (const opening of opened.values())
        void opening.then(
          destination => destination.close(),
          () => undefined,
        );
    },
  };
}
