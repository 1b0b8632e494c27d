/**
 * Where an archive goes: one contract, two homes (S3 and a folder). Keys are relative to the destination, their
 * parts joined by "/". Every operation ends early, by rejecting with the reason, when its signal is aborted.
 */
export interface Store {
  /** For people and reports, e.g. `s3://bucket/prefix` or `file:///folder`; never holds credentials. */
  readonly url: string;

  /** Whether a session can be saved here, asked with the rights that saving needs and no others. */
  check(signal: AbortSignal): Promise<CheckResult>;

  /** How many bytes each chunk handed to `store` should have (all but the last), for an archive of up to so many. */
  chunkBytes(expectedBytes: number): number;

  /**
   * Stores an archive whole or not at all: when it rejects, nothing half-made is left behind.
   * @throws {AlreadyExistsError} when the key is taken: it is never overwritten.
   * @throws {PermanentError} when trying again cannot help (access denied, no such bucket).
   */
  store(key: string, chunks: AsyncIterable<Buffer>, options: UploadOptions): Promise<Receipt>;

  /** Whether an object is there; `unknown` where the rights do not allow to ask. */
  exists(key: string, signal: AbortSignal): Promise<boolean | 'unknown'>;

  /** Writes one small object whole, replacing what is there unless `ifAbsent`. @throws {AlreadyExistsError} */
  put(key: string, body: Buffer, options: PutOptions): Promise<void>;

  /** Reads one object; undefined when there is none. */
  get(key: string, signal: AbortSignal): Promise<AsyncIterable<Buffer> | undefined>;

  /** Everything below a key prefix, in the order of the keys. */
  list(prefix: string, signal: AbortSignal): AsyncIterable<StoredObject>;

  /** Deletes objects, and what is left of writing them; those that are gone already are no error. */
  delete(keys: readonly string[], signal: AbortSignal): Promise<void>;

  /** Lets go of sockets; the destination is not used after this. */
  close(): void;
}

export type CheckResult =
  | { readonly state: 'ready' }
  /** The destination's own fault (no such bucket, access denied): a session must not start. */
  | { readonly state: 'refused'; readonly why: string; readonly remedy: string }
  /** It may well be back when the session ends. */
  | { readonly state: 'unavailable'; readonly why: string };

export interface UploadOptions {
  readonly signal: AbortSignal;
  /** No byte has moved for so long: the try is given up. */
  readonly stallMs: number;
  /** Called with the bytes that are there so far in this try. */
  readonly onProgress?: (bytes: number) => void;
  /** Called with each chunk whose memory the destination needs no more. */
  readonly onStored?: (chunk: Buffer) => void;
}

export interface PutOptions {
  readonly signal: AbortSignal;
  readonly ifAbsent?: boolean;
}

/** What the destination says of a stored archive. */
export interface Receipt {
  readonly url: string;
  readonly key: string;
  readonly bytes: number;
  /** Objects sent in parts: how many; 1 where there are no parts. */
  readonly parts: number;
  /** The size was asked back and matched, or the rights did not allow to ask. */
  readonly verified: boolean;
}

export interface StoredObject {
  readonly key: string;
  readonly bytes: number;
  readonly modifiedMs: number;
}

/** The key is taken; archives are never overwritten. */
export class AlreadyExistsError extends Error {
  override readonly name = 'AlreadyThereError';
}

/** The destination has said no, and would again. */
export class PermanentError extends Error {
  override readonly name = 'RefusedError';
  readonly remedy: string;

  constructor(message: string, remedy: string, options?: ErrorOptions) {
    super(message, options);
    this.remedy = remedy;
  }
}
