import { S3Client } from '@aws-sdk/client-s3';
import type { S3Config } from '../../config/session-config.ts';
import { orAborted, timeoutSignal } from '../../runtime/abort.ts';
import { S3Error, toS3Error } from './errors.ts';

/** How long one request may go without a byte moving or an answer; then a fresh connection is worth more. */
const IDLE_MS = 20_000;
const CONNECT_MS = 5_000;
/** Where S3 answers for all buckets, with the right region where it is another. */
const ANY_REGION = 'us-east-1';

/** A bucket, and the one way to send it a request. */
export interface S3Access {
  /** Fields of every request. */
  readonly bucketFields: { readonly Bucket: string; readonly ExpectedBucketOwner?: string };
  /**
   * Makes one attempt at a request. It corrects a region that nobody configured and renews credentials that expired:
   * the error is then transient.
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
  /** How long no byte may move; the SDK's socketTimeout is the same for all requests of a client. */
  readonly idleMs?: number;
}

type Credentials = Awaited<ReturnType<S3Client['config']['credentials']>>;

/** Prepares the client; nothing is requested yet. The SDK itself reads the standard AWS variables and files. */
export async function openAccess(bucket: string, config: S3Config): Promise<S3Access> {
  let client = new S3Client(settings(config));
  const requestHandler = client.config.requestHandler;
  const renew = (region: string | undefined) => {
    client = new S3Client({
      ...settings(config),
      requestHandler,
      ...(region === undefined ? {} : { region }),
    });
  };
  const isConfigured = await client.config.region().then(
    () => true,
    () => false,
  );
  let region = isConfigured ? undefined : ANY_REGION;
  if (!isConfigured) renew(region);
  let hadCredentials = false;
  const closed = new AbortController();

  async function request<T>(send: (attempt: Attempt) => Promise<T>, limits: RequestLimits): Promise<T> {
    const ended = AbortSignal.any([limits.signal, closed.signal]);
    ended.throwIfAborted();
    const used = client;
    const idle = limitIdleness(limits.idleMs ?? IDLE_MS);
    const signal = AbortSignal.any([ended, idle.signal]);
    let credentials: Credentials | undefined;
    try {
      // The SDK waits for its credentials' source for ever, and for the first wait in all later ones.
      credentials = await orAborted(used.config.credentials(), signal);
      hadCredentials = true;
      return await orAborted(
        send({ client: used, http: { abortSignal: signal }, onActivity: idle.onActivity }),
        signal,
      );
    } catch (error) {
      ended.throwIfAborted();
      if (idle.signal.aborted) {
        if (credentials === undefined) renewInPlaceOf(used);
        throw idle.signal.reason;
      }
      throw await repair(toS3Error(error), used, credentials);
    } finally {
      idle.stop();
    }
  }

  /**
   * Learns the region, or renews credentials. The SDK's followRegionRedirects leaves 400 AuthorizationHeaderMalformed
   * alone, redirects each request anew, and changes the region of a client that sends other parts meanwhile.
   */
  async function repair(
    error: S3Error,
    used: S3Client,
    credentials: Credentials | undefined,
  ): Promise<S3Error> {
    if (error.kind === 'region' && !isConfigured && error.region !== undefined && error.region !== region) {
      region = error.region;
      renewInPlaceOf(used);
      return transient(error);
    }
    if (error.kind === 'expired' && credentials !== undefined) {
      renewInPlaceOf(used);
      return (await areRenewable(credentials)) ? transient(error) : error;
    }
    // Credentials that were there before come back: their source is away for a moment.
    if (error.kind === 'credentials' && credentials === undefined && hadCredentials) return transient(error);
    return error;
  }

  /** Whether their source gives others, or promises to. */
  async function areRenewable(old: Credentials): Promise<boolean> {
    if (old.expiration !== undefined) return true;
    const now = await orAborted(client.config.credentials(), timeoutSignal(CONNECT_MS));
    return now.accessKeyId !== old.accessKeyId || now.sessionToken !== old.sessionToken;
  }

  function renewInPlaceOf(used: S3Client): void {
    if (client === used) renew(region);
  }

  const owner = config.expectedOwner;
  return {
    bucketFields: { Bucket: bucket, ...(owner === undefined ? {} : { ExpectedBucketOwner: owner }) },
    request,
    close() {
      closed.abort(new Error(`the bucket ${bucket} was closed`));
      client.destroy();
    },
  };
}

function settings(config: S3Config) {
  return {
    forcePathStyle: config.pathStyle,
    // Requests are repeated by ../retry.ts: for as long as the caller says, not three times.
    maxAttempts: 1,
    // By default large bodies wait for a "100 Continue", each on a connection of its own.
    expectContinueHeader: false,
    // Other time limits are `request`'s: it ends what does not move, not what is slow.
    requestHandler: { connectionTimeout: CONNECT_MS },
  };
}

function transient(error: S3Error): S3Error {
  return new S3Error(error.message, { ...error, kind: 'transient', cause: error });
}

function limitIdleness(ms: number) {
  const controller = new AbortController();
  const timer = setTimeout(() => {
    controller.abort(new S3Error(`no answer for ${ms / 1000} s`, { kind: 'transient' }));
  }, ms);
  return {
    signal: controller.signal,
    onActivity: () => void timer.refresh(),
    stop: () => clearTimeout(timer),
  };
}
