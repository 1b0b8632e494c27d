import { readFileSync, readlinkSync } from 'node:fs';
import { lstat, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { unlessMissing } from '../files/errno.ts';
import { readRegularFile } from '../files/open.ts';
import { readProcess } from '../process/procfs.ts';
import { errorText } from '../runtime/text.ts';

/** An empty folder for one recovery. */
export interface Scratch {
  readonly path: string;
  /** What became of what recoveries that were killed had left beside it: a line each, for a person. */
  readonly leftovers: readonly string[];
  /** @throws when it cannot be removed */
  remove(): Promise<void>;
}

/** Makes a folder for a recovery, and removes those of recoveries that are no more. */
export async function openScratch(base: string): Promise<Scratch> {
  const path = await mkdtemp(join(base, PREFIX));
  const owner = join(path, OWNER);
  const sign = () => writeFile(owner, JSON.stringify(SELF));
  await sign();
  // Another machine sees no more of this process than that.
  const beat = setInterval(() => void sign().catch(() => undefined), BEAT_MS).unref();
  return {
    path,
    leftovers: await clearLeftovers(base, path),
    remove: () => {
      clearInterval(beat);
      return rm(path, { recursive: true, force: true });
    },
  };
}

const PREFIX = 'craftassist-recovery-';
const OWNER = 'owner.json';
const BEAT_MS = 60_000;
const STALE_MS = 15 * BEAT_MS;

const Owner = v.object({
  pid: v.number(),
  /** Clock ticks from boot to its start: the kernel reuses process IDs. */
  startTicks: v.optional(v.number()),
  /** The boot and the namespace that its process ID is of. */
  scope: v.string(),
});

const SELF: v.InferOutput<typeof Owner> = {
  pid: process.pid,
  startTicks: readProcess(process.pid)?.startTicks,
  scope: readScope(),
};

/** Empty where there is no /proc. */
function readScope(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return '';
  }
}

/**
 * The folders that recoveries have left in a folder that were killed.
 * @param nowMs by the clock of its file system
 * @throws when one of them cannot be looked at
 */
export async function findLeftovers(base: string, nowMs: number): Promise<string[]> {
  const found: string[] = [];
  for (const folder of await foldersIn(base)) if (await isLeftover(folder, nowMs)) found.push(folder);
  return found;
}

async function foldersIn(base: string): Promise<string[]> {
  return (await readdir(base)).filter(name => name.startsWith(PREFIX)).map(name => join(base, name));
}

/** Removes one of `findLeftovers`. */
export async function removeLeftover(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}

async function clearLeftovers(base: string, own: string): Promise<string[]> {
  const { mtimeMs: nowMs } = await lstat(join(own, OWNER));
  const lines: string[] = [];
  for (const folder of await foldersIn(base)) {
    if (folder === own) continue;
    try {
      if (!(await isLeftover(folder, nowMs))) continue;
      await removeLeftover(folder);
      lines.push(`${folder}: was left by a recovery that was killed; removed`);
    } catch (error) {
      // It stops no recovery.
      lines.push(
        `${folder}: may have been left by a recovery that was killed, and stays: ${errorText(error)}`,
      );
    }
  }
  return lines;
}

/**
 * Whether its owner is no more. Anything without an owner's file, and anything of another user, is left alone.
 * @param nowMs by the clock of the file system
 */
async function isLeftover(folder: string, nowMs: number): Promise<boolean> {
  const stats = await lstat(folder);
  if (!stats.isDirectory() || stats.uid !== process.getuid?.()) return false;
  const file = join(folder, OWNER);
  const signed = await unlessMissing(lstat(file));
  if (signed === undefined) return false;
  const { pid, startTicks, scope } = v.parse(Owner, JSON.parse((await readRegularFile(file)).toString()));
  if (scope === '' || scope !== SELF.scope) return nowMs - signed.mtimeMs > STALE_MS;
  return readProcess(pid)?.startTicks !== startTicks;
}
