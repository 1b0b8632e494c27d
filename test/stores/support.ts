import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { text } from 'node:stream/consumers';
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  PutBucketPolicyCommand,
  paginateListObjectsV2,
  S3Client,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
import { inject, onTestFinished } from 'vitest';
import type { Account, RealStore } from './start/store.ts';

/** A bucket as its owner sees it, without what the product adds to it. */
export interface OpenBucket {
  readonly name: string;
  readonly client: S3Client;
  /** Every object's key. */
  keys(): Promise<string[]>;
  /** An object's bytes. */
  read(key: string): Promise<Buffer>;
  /** The keys of uploads that are neither completed nor aborted. */
  uploads(): Promise<string[]>;
}

/** A bucket of a real store. */
export interface TestBucket extends OpenBucket {
  readonly store: RealStore;
  /** Lets the store's session account do these things in it; default: everything. */
  admitSession(...actions: string[]): Promise<void>;
}

/**
 * A new bucket of the owner's; it goes with the store.
 * @param onFinished the test's own where several run at the same time: the other one may be another test's
 */
export async function createBucket(
  kind: RealStore['kind'],
  onFinished: (close: () => void) => void = onTestFinished,
): Promise<TestBucket> {
  const store = inject('stores')[kind];
  const bucket = openBucket(store.url, store.owner, `test-${randomUUID()}`, onFinished);
  const { client, name } = bucket;
  await client.send(new CreateBucketCommand({ Bucket: name }));
  return {
    ...bucket,
    store,
    async admitSession(...actions) {
      if (store.kind === 'swift') return admitBySwift(store, name);
      const Policy = policy(store.session, name, actions.length > 0 ? actions : ['s3:*']);
      await client.send(new PutBucketPolicyCommand({ Bucket: name, Policy }));
    },
  };
}

/** Opens a bucket that is there already, until the test is over. */
export function openBucket(
  url: string,
  account: Account,
  name: string,
  onFinished: (close: () => void) => void = onTestFinished,
): OpenBucket {
  const client = clientOf(url, account);
  onFinished(() => client.destroy());
  return {
    name,
    client,
    async keys() {
      const keys: string[] = [];
      for await (const { Contents = [] } of paginateListObjectsV2({ client }, { Bucket: name }))
        keys.push(...Contents.map(({ Key = '' }) => Key));
      return keys.sort();
    },
    async read(key) {
      const { Body } = await client.send(new GetObjectCommand({ Bucket: name, Key: key }));
      return Buffer.from((await Body?.transformToByteArray()) ?? []);
    },
    async uploads() {
      const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: name }));
      return Uploads.map(({ Key = '' }) => Key);
    },
  };
}

function policy({ user }: Account, bucket: string, actions: readonly string[]): string {
  const resource = `arn:aws:s3:::${bucket}`;
  const statement = {
    Effect: 'Allow',
    Principal: { AWS: [`arn:aws:iam:::user/${user}`] },
    Action: actions,
    Resource: [resource, `${resource}/*`],
  };
  return JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
}

/** Swift has no bucket policies, but access lists of its own: for the bucket, and for where it keeps parts. */
async function admitBySwift({ url, owner, session }: RealStore, bucket: string): Promise<void> {
  const login = await fetch(`${url}/auth/v1.0`, {
    headers: { 'x-auth-user': owner.accessKey, 'x-auth-key': owner.secretKey },
  });
  const [storage, token] = ['x-storage-url', 'x-auth-token'].map(name => login.headers.get(name) ?? '');
  for (const container of [bucket, `${bucket}+segments`]) {
    const { ok, status } = await fetch(`${storage}/${container}`, {
      method: 'PUT',
      headers: {
        'x-auth-token': `${token}`,
        'x-container-read': session.accessKey,
        'x-container-write': session.accessKey,
      },
    });
    if (!ok) throw new Error(`Swift answered ${status} to the access list of ${container}`);
  }
}

export function clientOf(
  url: string,
  { accessKey, secretKey }: Account,
  options: S3ClientConfig = {},
): S3Client {
  return new S3Client({
    ...options,
    endpoint: url,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
    maxAttempts: 1,
  });
}

/** The variables of the AWS SDK for a store and one of its accounts. */
export function awsVariables(url: string, { accessKey, secretKey }: Account): Record<string, string> {
  return {
    AWS_ENDPOINT_URL_S3: url,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: accessKey,
    AWS_SECRET_ACCESS_KEY: secretKey,
  };
}

/** A file of an archive, as GNU tar reads it; empty where it has none. */
export async function fileOfArchive(archive: Buffer, name: string): Promise<string> {
  const tar = spawn('tar', ['xzOf', '-', name], { stdio: ['pipe', 'pipe', 'inherit'] });
  tar.stdin.end(archive);
  return text(tar.stdout);
}
