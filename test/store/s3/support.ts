import { vi } from 'vitest';
import type { S3Config } from '../../../src/config/session-config.ts';
import type { StoreObserver } from '../../../src/store/observer.ts';
import { openStore } from '../../../src/store/open.ts';
import type { Store } from '../../../src/store/store.ts';

export const PLAIN: S3Config = { pathStyle: true, encryption: undefined, expectedOwner: undefined };

export interface OpenOptions extends StoreObserver {
  readonly bucket?: string;
  readonly prefix?: string;
  readonly s3?: Partial<S3Config>;
  readonly run?: string;
  /** The AWS variables besides the usual ones; undefined takes one of those away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Opens an S3 destination as a user would: the SDK reads its settings from the environment. */
export async function openTestStore(url: string, options: OpenOptions = {}): Promise<Store> {
  setAwsVariables({
    AWS_ENDPOINT_URL_S3: url,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'AKIDTEST',
    AWS_SECRET_ACCESS_KEY: 'verysecret',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    ...options.env,
  });
  const { bucket = 'bucket', prefix = 'some/prefix', s3, run, env: _, ...observer } = options;
  return openStore({ kind: 's3', bucket, prefix }, { s3: { ...PLAIN, ...s3 }, run, ...observer });
}

function setAwsVariables(variables: Readonly<Record<string, string | undefined>>): void {
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) vi.stubEnv(name, undefined);
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
}
