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
  /** Its n-th point, from 1, or the first one whose description matches this pattern. */
  readonly at: number | string;
}

export function isTrap({ at }: Pick<Trap, 'at'>, passed: number, what: string): boolean {
  return typeof at === 'number' ? passed === at : new RegExp(at).test(what);
}

/** A destination that counts what a process does there, and ends the process where it is told to. */
export interface Place extends AsyncDisposable {
  /** Of the session. */
  readonly url: string;
  /** For the process of that name. */
  environment(by: string): Record<string, string>;
  /** The points that a process has come to, described, in their order. */
  points(by: string): Promise<readonly string[]>;
  /** Everything that was put and deleted, in the order in which it was. */
  events(): Promise<readonly StoredEvent[]>;
  /** What is there: each object's bytes by its key. */
  objects(): Promise<Map<string, Buffer>>;
}
