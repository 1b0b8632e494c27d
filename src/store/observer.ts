import type { RetryObserver } from './retry.ts';

/** A bucket that is not in the region that was configured. */
export interface RegionEvent {
  readonly bucket: string;
  readonly configured: string;
  readonly actual: string;
}

/** Two clocks that differ. */
export interface ClockEvent {
  /** What the store's clock is ahead of this machine's, in milliseconds; negative: it is behind. */
  readonly aheadMs: number;
}

/** Called for the log: what befalls a store. The last two are called once a store. */
export interface StoreObserver extends RetryObserver {
  readonly onRegionFollowed?: ((event: RegionEvent) => void) | undefined;
  readonly onClockOff?: ((event: ClockEvent) => void) | undefined;
}
