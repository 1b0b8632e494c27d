import { lstat, mkdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomicallySync } from '../../files/atomic-write.ts';
import { hasCode, unlessMissing } from '../../files/errno.ts';
import { openRegularFile } from '../../files/open.ts';
import { errorText } from '../../runtime/text.ts';

/*
 * When a world has started, Craftassist's logging plug-in (its logging.lua) writes the SHA-1 of `settings.ini` and of
 * `world/world.ini` into logging.bin. The readers of that file (base_log_reader.py) are given one folder, expect all
 * three in it, and stop where a hash is wrong; to make the world again (recover_initial_blockmap.py) they take
 * `Plugins` from there as well. Cuberite writes both INI files anew when it stops. So both are kept as they are while
 * the server plays, in a folder that those readers can be given: the rest of what they open is linked there.
 *
 * That folder is beside the server's, which belongs to the children's user: what is written there could be led astray.
 */

export const READY_FOLDER = 'cuberite_ready';
export const LOG = 'logging.bin';

const KEPT = ['settings.ini', 'world/world.ini'] as const;
const LINKED = [LOG, 'Plugins'] as const;

/**
 * Keeps the settings of a server that is ready, in `<workdir>/cuberite_ready`; those of an earlier session are
 * replaced.
 * @param folder absolute path: where the server runs, in the working directory
 * @returns why they could not be kept, as a sentence
 */
export async function keepReadySettings(folder: string, workdir: string): Promise<string | undefined> {
  const ready = join(workdir, READY_FOLDER);
  try {
    await makeOwnFolder(ready);
    await makeOwnFolder(join(ready, 'world'));
    for (const name of KEPT) await copySmallFile(join(folder, name), join(ready, name));
    for (const name of LINKED) await linkTo(join('..', 'cuberite', name), join(ready, name));
    return undefined;
  } catch (error) {
    return `The settings that logging.bin has the hashes of could not be kept in ${ready}: ${errorText(error)}`;
  }
}

/** Makes a folder that nobody else can write to. @throws when something else has its name */
async function makeOwnFolder(path: string): Promise<void> {
  try {
    await mkdir(path, 0o755);
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
    const found = await lstat(path);
    const isOurs = found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o022) === 0;
    if (!isOurs) throw new Error(`${path} was made by somebody else: remove it`, { cause: error });
  }
}

/** Cuberite's are some KiB. */
const MAX_BYTES = 1 << 20;

/** What is missing is missing in the copy too: a default world of another name has no `world/world.ini`. */
async function copySmallFile(from: string, to: string): Promise<void> {
  const content = await unlessMissing(readSmallFile(from));
  if (content === undefined) await rm(to, { force: true });
  else writeAtomicallySync(to, content);
}

async function readSmallFile(path: string): Promise<Buffer> {
  await using file = await openRegularFile(path);
  if ((await file.stat()).size > MAX_BYTES) throw new Error(`${path} is larger than ${MAX_BYTES} bytes`);
  return await file.readFile();
}

async function linkTo(target: string, path: string): Promise<void> {
  try {
    await symlink(target, path);
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  }
}
