import type { S3Client } from '@aws-sdk/client-s3';
import type { S3Config } from '../../config/session-config.ts';
import { orAborted } from '../../runtime/abort.ts';
import type { StoreObserver } from '../observer.ts';
import { type Credentials, openClients } from './clients.ts';
import { limitIdleness } from './idle.ts';

/** How long one request may go without a byte moving or an answer; then a fresh connection is worth more. */
const IDLE_MS = 20_000;
/** The same after that was too short, until there is an answer: some stores take so long for a PUT. */
const PATIENT_IDLE_MS = 80_000;
/** How often one request is corrected and sent again at once. */
const MAX_CORRECTIONS = 3;

/** A bucket, and the one way to send it a request. */
export interface S3Access {
  /** Fields of every request. */
  readonly bucketFields: { readonly Bucket: string; readonly ExpectedBucketOwner?: string };
  /**
   * Makes one attempt at a request. What was refused because of another region, another clock or credentials that
   * expired is corrected and sent again at once.
   * @throws {S3Error} for whatever goes wrong; the signal's reason when it is aborted
   */
  request<T>(send: (attempt: Attempt) => Promise<T>, limits: RequestLimits): Promise<T>;
  /** Ends the requests that are under way, such as an abort that nobody waits for any more. */
  close(): void;
}

export interface Attempt {
  readonly client: S3Client;
  readonly http: { readonly abortSignal: AbortSignal };
  /** To be called when a byte has moved. */
  readonly onActivity: () => void;
}

export interface RequestLimits {
  readonly signal: AbortSignal;
  /** How long no byte may move. */
  readonly idleMs?: number;
}

/** Prepares the client; nothing is requested yet. The SDK itself reads the standard AWS variables and files. */
export async function openAccess(
  bucket: string,
  config: S3Config,
  observer: StoreObserver = {},
): Promise<S3Access> {
  const clients = await openClients(bucket, config, observer);
  const closed = new AbortController();
  let isPatient = false;

  async function request<T>(send: (attempt: Attempt) => Promise<T>, limits: RequestLimits): Promise<T> {
    const ended = AbortSignal.any([limits.signal, closed.signal]);
    for (let corrections = 0; ; corrections += 1) {
      ended.throwIfAborted();
      const used = clients.current;
      const watch = clients.watch(used);
      using idle = limitIdleness(limits.idleMs ?? (isPatient ? PATIENT_IDLE_MS : IDLE_MS));
      const signal = AbortSignal.any([ended, idle.signal]);
      let credentials: Credentials | undefined;
      try {
        // The SDK waits for its credentials' source for ever, and for the first wait in all later ones.
        credentials = await orAborted(used.config.credentials(), signal);
        const http = { abortSignal: signal };
        const answer = await orAborted(send({ client: used, http, onActivity: idle.onActivity }), signal);
        watch.succeeded();
        isPatient = false;
        return answer;
      } catch (caught) {
        ended.throwIfAborted();
        if (idle.signal.aborted) {
          if (credentials === undefined) clients.renewInPlaceOf(used);
          isPatient = true;
          throw idle.signal.reason;
        }
        const { error, isCorrected } = await watch.failed(caught, credentials);
        if (!isCorrected || corrections === MAX_CORRECTIONS) throw error;
      }
    }
  }

  const owner = config.expectedOwner;
  return {
    bucketFields: { Bucket: bucket, ...(owner === undefined ? {} : { ExpectedBucketOwner: owner }) },
    request,
    close() {
      closed.abort(new Error(`the bucket ${bucket} was closed`));
      clients.destroy();
    },
  };
}
