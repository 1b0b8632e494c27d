import type { Sums } from '../files/sums.ts';

/**
 * A place for objects: one contract, two implementations (S3 and a directory). Keys are relative to the store's URL,
 * their parts joined by "/". Every operation ends early, by rejecting with the reason, when its signal is aborted.
 * Stores that `openStore` gives repeat what fails for the moment: see with-retry.ts.
 */
export interface Store {
  /** For people and reports, e.g. `s3://bucket/prefix` or `file:///folder`; never holds credentials. */
  readonly url: string;

  /** Whether a session can be saved here, checked with the rights that saving needs and no others. */
  check(signal: AbortSignal): Promise<CheckResult>;

  /** How many bytes each chunk handed to `store` should have (all but the last), for an archive of up to so many. */
  chunkBytes(expectedBytes: number): number;

  /**
   * Stores an archive whole or not at all: when it rejects, nothing half-made is left behind.
   * @throws {AlreadyExistsError} when the key is taken: it is never overwritten, unless `ifAbsent` is false.
   * @throws {ConditionRefusedError} when the store takes no conditional writes.
   * @throws {PermanentError} when trying again cannot help (access denied, no such bucket).
   */
  store(key: string, chunks: AsyncIterable<Buffer>, options: UploadOptions): Promise<Receipt>;

  /** Whether an object is there; `unknown` where the rights do not allow a HEAD request. */
  exists(key: string, signal: AbortSignal): Promise<boolean | 'unknown'>;

  /**
   * Writes one small object whole, replacing what is there unless `ifAbsent`.
   * @throws {AlreadyExistsError} when `ifAbsent` and the key is taken.
   * @throws {ConditionRefusedError} when `ifAbsent` and the store takes no conditional writes.
   */
  put(key: string, body: Buffer, options: PutOptions): Promise<void>;

  /**
   * Reads one object; undefined when there is none.
   * @param from where to read on in an object of which a part has been read. @throws {PermanentError} when another
   *   object has the key by now
   * @throws {ChecksumError} at the end of the bytes, when they are not those that were stored: see read.ts
   */
  get(
    key: string,
    signal: AbortSignal,
    from?: ReadPosition,
    options?: GetOptions,
  ): Promise<ObjectBody | undefined>;

  /**
   * A URL at which a browser reads one object with no credentials of its own; undefined: this kind of store has none.
   * Nothing is requested: it fits the region and the clock that the requests before it were answered by.
   */
  linkTo(key: string, options: LinkOptions): Promise<string | undefined>;

  /**
   * Everything below a key prefix, in the order of the keys' bytes.
   * @param startAfter only what comes after this key
   */
  list(prefix: string, signal: AbortSignal, startAfter?: string): AsyncIterable<StoredObject>;

  /** Deletes objects, and what is left of writing them; those that are gone already are no error. */
  delete(keys: readonly string[], signal: AbortSignal): Promise<void>;

  /**
   * Deletes what uploads of an archive have left at a key: whoever was uploading was killed.
   * @returns how many uploads it was
   * @throws {PermanentError} where the right to find them, or to end them, is missing
   */
  abortUploads(key: string, signal: AbortSignal): Promise<number>;

  /**
   * Uploads below a key prefix that were neither completed nor aborted: of somebody who is uploading, or was killed.
   * @throws {DeniedError} where the right to find them is missing
   */
  openUploads(prefix: string, signal: AbortSignal): Promise<readonly OpenUpload[]>;

  /**
   * Deletes what `put`s have left that were cut off.
   * @param folder a key's, without what is below its folders
   */
  deleteParts(folder: string, signal: AbortSignal): Promise<void>;

  /** Closes sockets; the store is not used after this. */
  close(): void;
}

export type CheckResult =
  | {
      readonly state: 'ok';
      /** What will be missing, for a person. */
      readonly notice?: string;
    }
  /** It will not pass by itself (no such bucket, access denied): a session must not start. */
  | { readonly state: 'denied'; readonly why: string; readonly remedy: string }
  /** The store may well be back when the session ends. */
  | { readonly state: 'unavailable'; readonly why: string };

export interface UploadOptions {
  readonly signal: AbortSignal;
  /** The upload fails when no byte has moved for so long. */
  readonly stallMs: number;
  /** Called with the bytes that are stored so far. */
  readonly onProgress?: (bytes: number) => void;
  /** Default: true. false for a store that refuses conditions: what is there is then replaced. */
  readonly ifAbsent?: boolean;
  /** Called with each chunk whose memory the store needs no more. */
  readonly onStored?: (chunk: Buffer) => void;
  /** Makes the sums of chunks that the store needs; default: `sumsHere`. */
  readonly sums?: Sums | undefined;
}

export interface PutOptions {
  readonly signal: AbortSignal;
  readonly ifAbsent?: boolean;
  /** How a put that fails is repeated; default: as any other request. */
  readonly retry?: PutRetry;
}

/** For an object that has to be there in the end: the same bytes under the same key, until the signal is aborted. */
export interface PutRetry {
  /** An attempt is given up after so long at first, each further one after twice as long, up to five minutes. */
  readonly attemptTimeoutMs: number;
  /** Once it is aborted, attempts and the waits between them are short; a wait that is under way ends at once. */
  readonly urgent: AbortSignal;
  /** Called with each attempt that failed, also with one that is denied: rights are granted, and disks emptied. */
  readonly onFailure: (why: string) => void;
}

/** An object's bytes, to be read once. */
export interface ObjectBody extends AsyncIterable<Buffer> {
  /** Differs when the key has another object, e.g. an ETag. */
  readonly version?: string | undefined;
}

export interface ReadPosition {
  /** Bytes that have been read already. */
  readonly at: number;
  /** The version that they are of. */
  readonly version: string | undefined;
}

export interface GetOptions {
  /**
   * Asks gateways on the way to leave alone what is gzipped: some unzip it for whoever does not accept it, others zip
   * what is not for whoever does.
   */
  readonly acceptsGzip?: boolean;
}

export interface LinkOptions {
  readonly signal: AbortSignal;
  /** What a browser saves the object as. */
  readonly fileName: string;
  /** How long it holds, in seconds. */
  readonly expiresInS: number;
}

/** What the store says of a stored archive. */
export interface Receipt {
  readonly url: string;
  readonly key: string;
  readonly bytes: number;
  /** Objects sent in parts: how many; 1 where there are no parts. */
  readonly parts: number;
  /**
   * The store has told its size, or a digest of its bytes with the answer to the upload, and it was the right one; false:
   * neither was to be had.
   */
  readonly verified: boolean;
}

export interface StoredObject {
  readonly key: string;
  readonly bytes: number;
  readonly modifiedMs: number;
  /** Differs when the key has another object: an ETag; undefined: this kind of store has none. */
  readonly version?: string | undefined;
}

/** An upload that may be under way still. */
export interface OpenUpload {
  readonly key: string;
  /** When it was begun, or at a folder when its last byte came; 0: the store does not tell. */
  readonly modifiedMs: number;
}

/** The key is taken; archives are never overwritten. */
export class AlreadyExistsError extends Error {
  override readonly name = 'AlreadyExistsError';
}

/**
 * An object's bytes are not those that were stored: on the way, or in the store. Some of them have been given already.
 * The message names the checksum of what came, so that the same bytes have the same message.
 */
export class ChecksumError extends Error {
  override readonly name = 'ChecksumError';
}

/** The request failed, and would again. */
export class PermanentError extends Error {
  override readonly name = 'PermanentError';
  /** What a person can do. */
  readonly remedy: string;

  constructor(message: string, remedy: string, options?: ErrorOptions) {
    super(message, options);
    this.remedy = remedy;
  }
}

/** The right to it is missing. Without the right to list, a key that is not there is answered so, too. */
export class DeniedError extends PermanentError {}

/** There is no such bucket. */
export class NoSuchBucketError extends PermanentError {}

/** The store does not know what was requested: not even a right that is granted later changes that. */
export class RefusedError extends PermanentError {}

/** The store takes no conditional writes: the same one without `ifAbsent` may well succeed. */
export class ConditionRefusedError extends RefusedError {}
