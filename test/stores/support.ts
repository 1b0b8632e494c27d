import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand,
  S3Client,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
import { inject, onTestFinished } from 'vitest';
import type { Account, RealStore } from './start/store.ts';

export interface TestBucket {
  readonly store: RealStore;
  readonly name: string;
  /** The owner's, without what the product adds to it. */
  readonly client: S3Client;
  /** Every object's key. */
  keys(): Promise<string[]>;
  /** An object's bytes. */
  read(key: string): Promise<Buffer>;
  /** The keys of uploads that are neither completed nor aborted. */
  uploads(): Promise<string[]>;
  /** Lets the store's session account read and write in it. */
  admitSession(): Promise<void>;
}

/** A new bucket of the owner's; it goes with the store. */
export async function createBucket(kind: RealStore['kind']): Promise<TestBucket> {
  const store = inject('stores')[kind];
  const client = clientOf(store, store.owner);
  onTestFinished(() => client.destroy());
  const name = `test-${crypto.randomUUID()}`;
  await client.send(new CreateBucketCommand({ Bucket: name }));
  return {
    store,
    name,
    client,
    async keys() {
      const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: name }));
      return Contents.map(({ Key = '' }) => Key).sort();
    },
    async read(key) {
      const { Body } = await client.send(new GetObjectCommand({ Bucket: name, Key: key }));
      return Buffer.from((await Body?.transformToByteArray()) ?? []);
    },
    async uploads() {
      const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: name }));
      return Uploads.map(({ Key = '' }) => Key);
    },
    async admitSession() {
      if (store.kind === 'swift') return admitBySwift(store, name);
      await client.send(new PutBucketPolicyCommand({ Bucket: name, Policy: policy(store.session, name) }));
    },
  };
}

function policy({ user }: Account, bucket: string): string {
  const resource = `arn:aws:s3:::${bucket}`;
  const statement = {
    Effect: 'Allow',
    Principal: { AWS: [`arn:aws:iam:::user/${user}`] },
    Action: 's3:*',
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
  { url }: RealStore,
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
export function awsVariables({ url }: RealStore, { accessKey, secretKey }: Account): Record<string, string> {
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
