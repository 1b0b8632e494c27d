import { decodeNumbered } from '../../src/journal/format/segment.ts';

/**
 * Leaves out the fences that stay where a journal was.
 * @param paths of objects or files
 * @param read gives the bytes of one, undefined where it is gone by now
 */
export async function withoutFences(
  paths: readonly string[],
  read: (path: string) => Promise<Buffer | undefined>,
): Promise<string[]> {
  const left: string[] = [];
  for (const path of paths) if (!(isNumbered(path) && (await isFence(await read(path))))) left.push(path);
  return left;
}

function isNumbered(path: string): boolean {
  return /\/journal(\.\d+)?\/\d{8}\.tar\.gz$/.test(path);
}

async function isFence(object: Buffer | undefined): Promise<boolean> {
  // Damaged segments belong to what is tested.
  const read = object && (await decodeNumbered(object).catch(() => undefined));
  return read !== undefined && 'fence' in read;
}
