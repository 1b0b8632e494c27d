import { setTimeout } from 'node:timers/promises';
import { DescribeImageScanFindingsCommand, ScanNotFoundException } from '@aws-sdk/client-ecr';
import type { Image } from './images.ts';
import type { Registry } from './registry.ts';

export interface ScanOptions {
  readonly pollMs: number;
  readonly timeoutMs: number;
}

/**
 * Waits until an image is scanned; of one for several platforms, each platform's.
 * @returns one line about each. @throws when a scan fails, is not supported, or does not end in time.
 */
export async function waitForScan(registry: Registry, image: Image, options: ScanOptions): Promise<string[]> {
  const digests = platformDigests(image);
  return Promise.all(digests.map(digest => waitForOne(registry, digest, options)));
}

/** An index is not scanned itself; neither are the attestations beside its platforms. */
function platformDigests({ digest, manifest }: Image): string[] {
  const { manifests } = JSON.parse(manifest) as {
    manifests?: { digest: string; platform?: { os?: string } }[];
  };
  return (
    manifests?.filter(({ platform }) => platform?.os !== 'unknown').map(({ digest }) => digest) ?? [digest]
  );
}

/** A scan on push may not have begun yet when its image is already there. */
async function waitForOne(registry: Registry, imageDigest: string, options: ScanOptions): Promise<string> {
  const { client, registryId, repositoryName } = registry;
  const command = new DescribeImageScanFindingsCommand({
    registryId,
    repositoryName,
    imageId: { imageDigest },
  });
  const endMs = performance.now() + options.timeoutMs;
  let last = 'was not scanned';
  while (performance.now() < endMs) {
    try {
      const { imageScanStatus, imageScanFindings } = await client.send(command);
      const status = imageScanStatus?.status;
      last = `has a scan that is ${status}: ${imageScanStatus?.description ?? 'no more is known'}`;
      // Enhanced scanning stays ACTIVE, which has findings, and is never COMPLETE.
      if (status === 'COMPLETE' || status === 'ACTIVE') {
        const counts = Object.entries(imageScanFindings?.findingSeverityCounts ?? {});
        return `${imageDigest} was scanned: ${counts.map(([severity, count]) => `${count} ${severity}`).join(', ') || 'no findings'}`;
      }
      if (status === 'FAILED' || status === 'UNSUPPORTED_IMAGE') break;
    } catch (error) {
      if (!(error instanceof ScanNotFoundException)) throw error;
    }
    await setTimeout(options.pollMs);
  }
  throw new Error(`${imageDigest} ${last}`);
}
