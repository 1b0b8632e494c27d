import { S3Client } from '@aws-sdk/client-s3';
import type { S3Config } from '../../config/session-config.ts';
import { orAborted, timeoutSignal } from '../../runtime/abort.ts';
import { faultFrom, S3Fault } from './errors.ts';

/** How long one request may go without a byte moving or an answer; then a fresh connection is worth more. */
const IDLE_MS = 20_000;
const CONNECT_MS = 5_000;
/** Where S3 answers for all buckets, with the right region where it is another. */
const ANY_REGION = 'us-east-1';

/** A bucket, and the one way to ask something of it. */
export interface S3Access {
  /** Fields of every request. */
  readonly target: { readonly Bucket: string; readonly ExpectedBucketOwner?: string };
  /**
   * Makes one try of a request. A region that nobody configured and credentials that expired are put right here.
   * @throws {S3Fault} for whatever goes wrong; the signal's reason when it is aborted
   */
  ask<T>(request: (attempt: Attempt) => Promise<T>, limits: Limits): Promise<T>;
  /** Ends what is still being asked, such as an abort that nobody waits for any more. */
  close(): void;
}

export interface Attempt {
  readonly client: S3Client;
  readonly http: { readonly abortSignal: AbortSignal };
  /** To be called when a byte has moved. */
  readonly alive: () => void;
}

export interface Limits {
  readonly signal: AbortSignal;
  readonly idleMs?: number;
}

type Credentials = Awaited<ReturnType<S3Client['config']['credentials']>>;

/** Prepares the client; nothing is asked yet. The SDK itself reads the standard AWS variables and files. */
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

  async function ask<T>(request: (attempt: Attempt) => Promise<T>, limits: Limits): Promise<T> {
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
        request({ client: used, http: { abortSignal: signal }, alive: idle.alive }),
        signal,
      );
    } catch (error) {
      ended.throwIfAborted();
      if (idle.signal.aborted) {
        if (credentials === undefined) renewInPlaceOf(used);
        throw idle.signal.reason;
      }
      throw await putRight(faultFrom(error), used, credentials);
    } finally {
      idle.stop();
    }
  }

  async function putRight(
    fault: S3Fault,
    used: S3Client,
    credentials: Credentials | undefined,
  ): Promise<S3Fault> {
    if (fault.kind === 'region' && !isConfigured && fault.region !== undefined && fault.region !== region) {
      region = fault.region;
      renewInPlaceOf(used);
      return transient(fault);
    }
    if (fault.kind === 'expired' && credentials !== undefined) {
      renewInPlaceOf(used);
      return (await areRenewable(credentials)) ? transient(fault) : fault;
    }
    // Credentials that were there before come back: their source is away for a moment.
    if (fault.kind === 'credentials' && credentials === undefined && hadCredentials) return transient(fault);
    return fault;
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
    target: { Bucket: bucket, ...(owner === undefined ? {} : { ExpectedBucketOwner: owner }) },
    ask,
    close() {
      closed.abort(new Error(`the destination ${bucket} was closed`));
      client.destroy();
    },
  };
}

function settings(config: S3Config) {
  return {
    forcePathStyle: config.pathStyle,
    // Requests are repeated in s3-retry.ts: for as long as the caller says, not three times.
    maxAttempts: 1,
    // By default large bodies wait for a "100 Continue", each on a connection of its own.
    expectContinueHeader: false,
    // Other time limits are `ask`'s: this one ends what does not move, not what is slow.
    requestHandler: { connectionTimeout: CONNECT_MS },
  };
}

function transient(fault: S3Fault): S3Fault {
  return new S3Fault(fault.message, { ...fault, kind: 'transient', cause: fault });
}

function limitIdleness(ms: number) {
  const controller = new AbortController();
  const timer = setTimeout(() => {
    controller.abort(new S3Fault(`no answer for ${ms / 1000} s`, { kind: 'transient' }));
  }, ms);
  return { signal: controller.signal, alive: () => void timer.refresh(), stop: () => clearTimeout(timer) };
}
