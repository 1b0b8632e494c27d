import { S3Client } from '@aws-sdk/client-s3';
import type { S3Config } from '../../config/session-config.ts';
import { orAborted, timeoutSignal } from '../../runtime/abort.ts';
import { proxiedAgents } from '../../runtime/proxy.ts';
import type { StoreObserver } from '../observer.ts';
import { toS3Error } from './classify.ts';
import { asKind, type S3Error } from './errors.ts';
import { noteOperations, operationOf } from './operation.ts';

const CONNECT_MS = 5_000;
/** Where S3 answers for all buckets, with the right region where it is another. */
const ANY_REGION = 'us-east-1';
/** A bucket has one region; what sends on and on is no S3. */
const MAX_FOLLOWED = 4;
/** How many HEADs in a row may be answered as with an expired token. */
const MAX_BARE_REFUSALS = 2;
/** By less the SDK's estimate differs from answer to answer. */
const CLOCK_CHANGE_MS = 60_000;
/** S3 takes 15 minutes; whoever is off by less should know of it all the same. */
const CLOCK_TOLD_MS = 240_000;

export type Credentials = Awaited<ReturnType<S3Client['config']['credentials']>>;

/** The SDK's client of a bucket, replaced by another one when its region or its credentials have to change. */
export interface Clients {
  readonly current: S3Client;
  /** A fresh client with fresh credentials, unless another request has already made one. */
  renewInPlaceOf(used: S3Client): void;
  /** Looks at the answer to an attempt. To be called before it is sent. */
  watch(used: S3Client): Watch;
  destroy(): void;
}

export interface Watch {
  succeeded(): void;
  /**
   * Classifies what went wrong, and mends what this side can. The SDK's followRegionRedirects does not serve: see
   * docs/decisions.md.
   * @param credentials those that it was signed with; undefined: there were none
   * @returns `isCorrected`: the same request is worth sending again at once
   */
  failed(
    error: unknown,
    credentials: Credentials | undefined,
  ): Promise<{ readonly error: S3Error; readonly isCorrected: boolean }>;
}

/** Prepares the first client. */
export async function openClients(
  bucket: string,
  config: S3Config,
  observer: StoreObserver,
): Promise<Clients> {
  let current = createClient(config);
  const { requestHandler } = current.config;
  const isConfigured = await current.config.region().then(
    () => true,
    () => false,
  );
  let region = isConfigured ? undefined : ANY_REGION;
  const renew = () => {
    const { systemClockOffset } = current.config;
    const kept = { requestHandler, systemClockOffset };
    current = createClient(config, region === undefined ? kept : { ...kept, region });
  };
  if (!isConfigured) renew();

  let followed = 0;
  let bareRefusals = 0;
  let hadCredentials = false;
  let isRegionTold = !isConfigured;
  let isClockTold = false;

  function renewInPlaceOf(used: S3Client): void {
    if (current === used) renew();
  }

  function tellClock({ config: { systemClockOffset } }: S3Client): void {
    if (isClockTold || Math.abs(systemClockOffset) < CLOCK_TOLD_MS) return;
    isClockTold = true;
    observer.onClockOff?.({ aheadMs: systemClockOffset });
  }

  /** Whether the bucket is elsewhere, and the next request goes there. */
  async function follow(error: S3Error, used: S3Client): Promise<boolean> {
    const asked = await used.config.region();
    if (error.region === undefined || error.region === asked || followed === MAX_FOLLOWED) return false;
    // Of several requests at the same time the first one has changed the client already.
    if (current === used) {
      followed += 1;
      region = error.region;
      renew();
      if (!isRegionTold) observer.onRegionFollowed?.({ bucket, configured: asked, actual: region });
      isRegionTold = true;
    }
    return true;
  }

  /** Whether their source gives others than those that have expired. */
  async function areRenewed(old: Credentials, used: S3Client): Promise<boolean> {
    renewInPlaceOf(used);
    const now = await orAborted(current.config.credentials(), timeoutSignal(CONNECT_MS));
    return now.accessKeyId !== old.accessKeyId || now.sessionToken !== old.sessionToken;
  }

  async function correct(error: S3Error, used: S3Client, credentials: Credentials | undefined) {
    const isBare = error.status === 400 && error.code === undefined && error.kind === 'rejected';
    if ((error.kind === 'region' || isBare) && (await follow(error, used)))
      return { error, isCorrected: true };
    // A 307 to the region that was asked: the bucket's name is not known everywhere yet.
    if (error.kind === 'region' && error.status === 307 && error.region !== undefined)
      return { error: asKind(error, 'transient'), isCorrected: false };
    if (credentials === undefined) {
      // Credentials that were there before come back: their source is away for a moment.
      const isAway = error.kind === 'credentials' && hadCredentials;
      return { error: isAway ? asKind(error, 'transient') : error, isCorrected: false };
    }
    if (error.kind === 'expired') {
      const isCorrected = await areRenewed(credentials, used);
      const isPromised = isCorrected || credentials.expiration !== undefined;
      return { error: isPromised ? asKind(error, 'transient') : error, isCorrected };
    }
    if (isBare && credentials.sessionToken !== undefined && bareRefusals < MAX_BARE_REFUSALS) {
      bareRefusals += 1;
      const why = `${error.message}, as S3 answers a HEAD whose token has expired`;
      return { error: asKind(error, 'expired', why), isCorrected: await areRenewed(credentials, used) };
    }
    return { error, isCorrected: false };
  }

  return {
    get current() {
      return current;
    },
    renewInPlaceOf,
    watch(used) {
      const offset = used.config.systemClockOffset;
      return {
        succeeded() {
          hadCredentials = true;
          bareRefusals = 0;
          tellClock(used);
        },
        async failed(caught, credentials) {
          hadCredentials ||= credentials !== undefined;
          const isClockCorrected = Math.abs(used.config.systemClockOffset - offset) >= CLOCK_CHANGE_MS;
          const error = toS3Error(caught, { operation: operationOf(caught), isClockCorrected });
          tellClock(used);
          if (isClockCorrected && error.kind === 'transient' && error.status === 403)
            return { error, isCorrected: true };
          return await correct(error, used, credentials);
        },
      };
    },
    destroy: () => current.destroy(),
  };
}

type ClientSettings = NonNullable<ConstructorParameters<typeof S3Client>[0]>;

function createClient(config: S3Config, kept: ClientSettings = {}): S3Client {
  const client = new S3Client({
    forcePathStyle: config.pathStyle,
    // Requests are repeated by ../retry.ts: for as long as the caller says, not three times.
    maxAttempts: 1,
    // By default large bodies wait for a "100 Continue", each on a connection of its own.
    expectContinueHeader: false,
    // Other time limits are idle.ts's: it ends what does not move, not what is slow.
    requestHandler: { connectionTimeout: CONNECT_MS, ...proxiedAgents(config.proxy) },
    ...kept,
  });
  noteOperations(client);
  return client;
}
