import { createHash } from 'node:crypto';
import { AwsFault, serveAws } from './aws-json.ts';

export const REMOTE = '123456789012.dkr.ecr.us-west-1.amazonaws.com';

const TYPES = {
  image: 'application/vnd.docker.distribution.manifest.v2+json',
  index: 'application/vnd.oci.image.index.v1+json',
};

/** Statuses that a scan goes through, one for each time that it is asked for; the last one stays. */
type Scan = readonly string[];

/** One repository of ECR, as far as a promotion sees it: tags move, manifests are kept byte for byte. */
export async function openEcr({ immutable = false } = {}) {
  const manifests = new Map<string, { manifest: string; mediaType: string }>();
  const tags = new Map<string, string>();
  const scans = new Map<string, string[]>();

  const resolve = ({ imageTag, imageDigest }: { imageTag?: string; imageDigest?: string }) => {
    const digest = imageDigest ?? tags.get(imageTag ?? '');
    return digest !== undefined && manifests.has(digest) ? digest : undefined;
  };
  const tagsOf = (digest: string) => [...tags].filter(([, tagged]) => tagged === digest).map(([tag]) => tag);

  const service = await serveAws({
    BatchGetImage({ imageIds, acceptedMediaTypes }) {
      const [id] = imageIds as [{ imageTag?: string; imageDigest?: string }];
      const digest = resolve(id);
      const found = digest === undefined ? undefined : manifests.get(digest);
      if (found === undefined)
        return {
          images: [],
          failures: [
            { imageId: id, failureCode: 'ImageNotFound', failureReason: 'Requested image not found' },
          ],
        };
      if (!(acceptedMediaTypes as string[]).includes(found.mediaType))
        return {
          images: [],
          failures: [{ imageId: id, failureCode: 'UnsupportedImageType', failureReason: 'no such type' }],
        };
      const { manifest: imageManifest, mediaType: imageManifestMediaType } = found;
      return {
        images: [{ imageId: { ...id, imageDigest: digest }, imageManifest, imageManifestMediaType }],
        failures: [],
      };
    },
    DescribeImages({ imageIds }) {
      const [{ imageDigest }] = imageIds as [{ imageDigest: string }];
      if (!manifests.has(imageDigest)) throw new AwsFault('ImageNotFoundException');
      const pushed = Date.parse('2026-11-01T12:00:00Z') / 1_000;
      return { imageDetails: [{ imageDigest, imageTags: tagsOf(imageDigest), imagePushedAt: pushed }] };
    },
    PutImage({ imageManifest, imageManifestMediaType, imageTag, imageDigest }) {
      const digest = digestOf(String(imageManifest));
      if (digest !== imageDigest) throw new AwsFault('ImageDigestDoesNotMatchException');
      const tag = String(imageTag);
      if (tags.get(tag) === digest) throw new AwsFault('ImageAlreadyExistsException');
      if (immutable && tags.has(tag)) throw new AwsFault('ImageTagAlreadyExistsException');
      keep(String(imageManifest), String(imageManifestMediaType ?? TYPES.image), tag);
      return { image: { imageId: { imageTag, imageDigest }, imageManifest } };
    },
    DescribeImageScanFindings({ imageId }) {
      const { imageDigest } = imageId as { imageDigest: string };
      const left = scans.get(imageDigest);
      const status = left === undefined ? undefined : left.length > 1 ? left.shift() : left[0];
      if (status === undefined || status === 'none') throw new AwsFault('ScanNotFoundException');
      const findings = status === 'COMPLETE' ? { findingSeverityCounts: { HIGH: 2, LOW: 7 } } : undefined;
      return { imageScanStatus: { status, description: 'so it is' }, imageScanFindings: findings };
    },
    GetAuthorizationToken: () => ({
      authorizationData: [{ authorizationToken: Buffer.from('AWS:a-password').toString('base64') }],
    }),
  });

  return Object.assign(service, {
    tags,
    /** Has an image pushed. @returns its digest. */
    push(tag: string | undefined, content: string, scan?: Scan): string {
      // Spaces that a parser would drop: the manifest has to come back byte for byte.
      return keep(`{ "schemaVersion": 2,\n   "config": "${content}" }`, TYPES.image, tag, scan);
    },
    /** Has an index for several platforms pushed. */
    pushIndex(tag: string, digests: readonly string[]): string {
      const platforms = digests.map(digest => ({ digest, platform: { os: 'linux' } }));
      const attestation = { digest: digestOf('attestation'), platform: { os: 'unknown' } };
      return keep(
        JSON.stringify({ schemaVersion: 2, manifests: [...platforms, attestation] }),
        TYPES.index,
        tag,
      );
    },
  });

  function keep(manifest: string, mediaType: string, tag?: string, scan?: Scan): string {
    const digest = digestOf(manifest);
    manifests.set(digest, { manifest, mediaType });
    if (tag !== undefined) tags.set(tag, digest);
    if (scan !== undefined) scans.set(digest, [...scan]);
    return digest;
  }
}

function digestOf(manifest: string): string {
  return `sha256:${createHash('sha256').update(manifest).digest('hex')}`;
}
