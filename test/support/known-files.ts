import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Content, Tree, Written } from '../proof/model.ts';

/** The n-th content of the file that the agent replaces. */
export function contentOf(version: number): string {
  return `version ${version}\n`.repeat(version);
}

/** What the agent of test/programs/agent-writes-known.mjs, and those that start it, have written until they were killed. */
export function writtenIn(workdir: Tree): Written {
  const written = new Map(
    [...workdir].map(([path, bytes]): [string, readonly Content[]] => [path, [grown(bytes)]]),
  );
  written.set('lock', [whole('here\n'), GONE]);
  written.set('replaced.txt', versionsUpTo(workdir.get('replaced.txt')));
  const before = workdir.get('rotated.log.1');
  // From the renaming to the next line there is none.
  if (before !== undefined)
    written.set('rotated.log', [grown(before), GONE, grown(workdir.get('rotated.log'))]);
  return written;
}

const GONE: Content = { bytes: undefined, grows: false };
const grown = (bytes: Buffer | undefined): Content => ({ bytes, grows: true });
const whole = (text: string): Content => ({ bytes: Buffer.from(text), grows: false });

function versionsUpTo(last: Buffer | undefined): readonly Content[] {
  const [, version] = /^version (\d+)\n/.exec(last?.toString() ?? '') ?? [];
  return Array.from({ length: Number(version ?? 0) }, (_, index) => whole(contentOf(index + 1)));
}

/** When the lines of a log were written, in milliseconds since the epoch. */
export function lineTimes(bytes: Buffer | undefined): readonly number[] {
  const lines = bytes?.toString('latin1').matchAll(/^\d+ (\d{13})$/gm) ?? [];
  return Array.from(lines, ([, ms]) => Number(ms));
}

/** Every file below a folder. */
export async function readTree(folder: string): Promise<Map<string, Buffer>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name));
  return new Map(
    await Promise.all(
      files.sort().map(async file => [file.slice(folder.length + 1), await readFile(file)] as const),
    ),
  );
}
