import {
  BatchGetImageCommand,
  DescribeImagesCommand,
  ImageAlreadyExistsException,
  type ImageIdentifier,
  ImageNotFoundException,
  ImageTagAlreadyExistsException,
  PutImageCommand,
} from '@aws-sdk/client-ecr';
import type { Registry } from './registry.ts';

/** A manifest, byte for byte as the registry keeps it: any other bytes would have another digest. */
export interface Image {
  readonly digest: string;
  readonly manifest: string;
  readonly mediaType: string | undefined;
}

/** Details of an image, for people. */
export interface ImageDetails {
  readonly tags: readonly string[];
  readonly pushedAt: Date | undefined;
}

/** Without these the registry converts, or refuses, other types than its default. */
const MANIFEST_TYPES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];

/** A tag, or a digest as `sha256:<64 hex digits>`. @throws when it is neither. */
export function imageId(text: string): ImageIdentifier {
  if (/^sha256:[0-9a-f]{64}$/.test(text)) return { imageDigest: text };
  // https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
  if (/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/.test(text)) return { imageTag: text };
  throw new Error(`"${text}" is neither a tag nor a digest: write a commit, or sha256:<64 hex digits>`);
}

/** @returns undefined when there is no such image. @throws when the answer has no manifest. */
export async function findImage(registry: Registry, id: ImageIdentifier): Promise<Image | undefined> {
  const { client, registryId, repositoryName } = registry;
  const { images = [], failures = [] } = await client.send(
    new BatchGetImageCommand({
      registryId,
      repositoryName,
      imageIds: [id],
      acceptedMediaTypes: MANIFEST_TYPES,
    }),
  );
  const [failure] = failures;
  if (failure?.failureCode === 'ImageNotFound') return undefined;
  const [image] = images;
  const digest = image?.imageId?.imageDigest;
  if (image?.imageManifest === undefined || digest === undefined)
    throw new Error(`${registry.name} gave no manifest: ${failure?.failureReason ?? 'and no reason'}`);
  return { digest, manifest: image.imageManifest, mediaType: image.imageManifestMediaType };
}

/** @returns no details where the caller may not describe images. */
export async function describeImage(registry: Registry, digest: string): Promise<ImageDetails> {
  const { client, registryId, repositoryName } = registry;
  const imageIds = [{ imageDigest: digest }];
  try {
    const { imageDetails = [] } = await client.send(
      new DescribeImagesCommand({ registryId, repositoryName, imageIds }),
    );
    return { tags: imageDetails[0]?.imageTags ?? [], pushedAt: imageDetails[0]?.imagePushedAt };
  } catch (error) {
    const isUnavailable =
      error instanceof ImageNotFoundException ||
      (error instanceof Error && error.name === 'AccessDeniedException');
    if (isUnavailable) return { tags: [], pushedAt: undefined };
    throw error;
  }
}

/** Moves a tag to an image. @throws when the repository's tags are immutable. */
export async function putTag(
  registry: Registry,
  { digest, manifest, mediaType }: Image,
  tag: string,
): Promise<void> {
  const { client, registryId, repositoryName } = registry;
  try {
    await client.send(
      new PutImageCommand({
        registryId,
        repositoryName,
        imageManifest: manifest,
        imageManifestMediaType: mediaType,
        imageDigest: digest,
        imageTag: tag,
      }),
    );
  } catch (error) {
    // The tag is on this image already.
    if (error instanceof ImageAlreadyExistsException) return;
    if (error instanceof ImageTagAlreadyExistsException)
      throw new Error(`${registry.name} keeps its tags where they are: make "${tag}" mutable`, {
        cause: error,
      });
    throw error;
  }
}
