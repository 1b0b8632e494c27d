import type { StoreEvent } from '../proof/model.ts';

/** What a store has done, with the bytes that were put. */
export interface StoredEvent extends StoreEvent {
  readonly bytes?: Buffer;
  /** What S3 keeps beside the bytes. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** The moment at which a process is killed. */
export interface Trap {
  /** The process. */
  readonly by: string;
  /** The name of the point: see `createNamer`. */
  readonly at: string;
}

/**
 * Names the points that a process comes to one after the other: what it does, without what differs from run to run, and
 * for the how manieth time. So a point is found again in a run that has more segments, or fewer.
 */
export function createNamer(): (what: string) => string {
  const times = new Map<string, number>();
  return what => {
    const general = what
      .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/, 'UUID')
      .replace(/\/\d{8}\./, '/N.')
      .trimEnd();
    const nth = (times.get(general) ?? 0) + 1;
    times.set(general, nth);
    return nth === 1 ? general : `${general} #${nth}`;
  };
}

/** Whether a point is another one than many before it: the fourth segment is what the third one is. */
export function isDistinct(point: string): boolean {
  return Number(/ #(\d+)$/.exec(point)?.[1] ?? 1) <= 3;
}

/** A destination that counts what a process does there, and ends the process where it is told to. */
export interface Place extends AsyncDisposable {
  /** Of the session. */
  readonly url: string;
  /** For the process of that name. */
  environment(by: string): Record<string, string>;
  /** The names of the points that a process has come to, in their order. */
  points(by: string): Promise<readonly string[]>;
  /** Everything that was put and deleted, in the order in which it was. */
  events(): Promise<readonly StoredEvent[]>;
  /** What is there: each object's bytes by its key; what is being written, or was, as `<key>.part`. */
  objects(): Promise<Map<string, Buffer>>;
}
