import { ECRClient } from '@aws-sdk/client-ecr';
import type { Environment } from '../run-main.ts';

/** A private registry of ECR, and a repository in it. */
export interface Registry {
  readonly client: ECRClient;
  readonly repositoryName: string;
  /** The account; undefined: the one that the credentials belong to. */
  readonly registryId: string | undefined;
  /** For people. */
  readonly name: string;
}

/**
 * Opens the registry that REMOTE names (`<account>.dkr.ecr.<region>.amazonaws.com`); without it, the one of the
 * credentials' account in AWS_REGION.
 * @throws when neither is set.
 */
export function openRegistry(
  { REMOTE, AWS_REGION, AWS_DEFAULT_REGION }: Environment,
  repositoryName: string,
): Registry {
  const remote = REMOTE ? parseRemote(REMOTE) : undefined;
  const region = remote?.region ?? AWS_REGION ?? AWS_DEFAULT_REGION;
  if (!region)
    throw new Error(
      'neither REMOTE nor AWS_REGION is set: write REMOTE=<account>.dkr.ecr.<region>.amazonaws.com',
    );
  return {
    client: new ECRClient({ region }),
    repositoryName,
    registryId: remote?.account,
    name: `${REMOTE || `the registry in ${region}`}/${repositoryName}`,
  };
}

/** @throws when it is not the address of a private registry of ECR. */
export function parseRemote(remote: string): { readonly account: string; readonly region: string } {
  const match = /^(\d{12})\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?$/.exec(remote);
  const [, account, region] = match ?? [];
  if (account === undefined || region === undefined)
    throw new Error(
      `REMOTE "${remote}" is no registry of ECR: write <account>.dkr.ecr.<region>.amazonaws.com`,
    );
  return { account, region };
}
