import type { Config, Place } from '../config/session-config.ts';
import type { Log } from '../runtime/log.ts';
import { openDestination } from '../store/open.ts';
import type { Destination } from '../store/store.ts';

export interface Places extends Disposable {
  open(place: Place): Promise<Destination>;
}

/** Opens each destination of a session once, and closes them all at its end. */
export function openPlaces({ save }: Config, log: Log): Places {
  const opened = new Map<Place, Promise<Destination>>();
  return {
    open(place) {
      const known = opened.get(place);
      if (known !== undefined) return known;
      const opening = openDestination(place, {
        s3: save.s3,
        onTrouble: trouble => log.warn(trouble, 'the destination did not take it, and is asked again'),
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
