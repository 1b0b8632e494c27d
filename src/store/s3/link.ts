import { GetObjectCommand } from '@aws-sdk/client-s3';
import type { LinkOptions } from '../store.ts';
import type { Bucket } from './objects.ts';

/**
 * Signs a URL by which whoever has it reads an object: with the client of all requests, so for the region that the
 * bucket turned out to be in, and by the store's clock.
 */
export async function signLink(
  { access, fullKey }: Bucket,
  key: string,
  { signal, fileName, expiresInS }: LinkOptions,
): Promise<string> {
  // Sessions make no links, and need not load it.
  const { getSignedUrl } = await import('@aws-sdk/s3-request-presigner');
  const input = {
    ...access.bucketFields,
    Key: fullKey(key),
    ResponseContentDisposition: `attachment; filename="${fileName.replaceAll(/[^\w.-]/g, '_')}"`,
  };
  return access.request(
    ({ client }) =>
      getSignedUrl(client, new GetObjectCommand(input), {
        expiresIn: expiresInS,
        // The signer of links goes by this machine's clock.
        signingDate: new Date(Date.now() + client.config.systemClockOffset),
      }),
    { signal },
  );
}
