import type { RegisterTaskDefinitionCommandInput } from '@aws-sdk/client-ecs';
import { findImage, imageId } from '../ecr/images.ts';
import { openRegistry } from '../ecr/registry.ts';
import type { Output } from '../run-main.ts';

/** An image of a private registry of ECR: its host, the repository, and the tag. */
const IMAGE = /^(\d{12}\.dkr\.ecr[^/]+)\/([^:@]+)(?::([^:@]+))?$/;

/**
 * Names the images of a task definition by their digests, and prints what each tag stands for: every task of a revision
 * runs the same bytes then, wherever the tag has moved since.
 * @throws when a registry has no such tag.
 */
export async function pinImages(
  wanted: RegisterTaskDefinitionCommandInput,
  print: Output['print'],
): Promise<RegisterTaskDefinitionCommandInput> {
  const pinned = wanted.containerDefinitions?.map(async container => ({
    ...container,
    image: container.image && (await pin(container.image, print)),
  }));
  return { ...wanted, containerDefinitions: pinned && (await Promise.all(pinned)) };
}

async function pin(image: string, print: Output['print']): Promise<string> {
  const [, host, repository, tag = 'latest'] = IMAGE.exec(image) ?? [];
  if (host === undefined || repository === undefined) {
    if (!image.includes('@')) print(`${image} keeps its tag: no registry but ECR is asked for digests`);
    return image;
  }
  const found = await findImage(openRegistry({ REMOTE: host }, repository), imageId(tag));
  if (found === undefined)
    throw new Error(`there is no ${host}/${repository}:${tag}: push it, or promote one`);
  print(`${host}/${repository}:${tag} is ${found.digest}`);
  return `${host}/${repository}@${found.digest}`;
}
