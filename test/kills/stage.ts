import { execFile } from 'node:child_process';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { leftovers } from '../soak/leftovers.ts';
import { killNow } from '../support/container.ts';
import type { S3Server } from '../support/s3-server.ts';
import type { RunningSupervisor, SessionFixture } from '../support/session.ts';

/** Kills a session as the end of its container does: everybody at once. @returns when, since the epoch */
export async function killEverybody(
  session: RunningSupervisor,
  mark: string,
  folder: string,
): Promise<number> {
  const groups = Array.from(
    session.stdout().matchAll(/"event":"process_started","child":"\w+","pid":(\d+)/g),
    ([, pid]) => -Number(pid),
  );
  const killedAtMs = Date.now();
  session.signal('SIGKILL');
  for (const group of groups) killNow(group);
  for (let left = await leftovers(mark, folder); left.length > 0; left = await leftovers(mark, folder))
    for (const { pid } of left) killNow(pid);
  await session.ended();
  return killedAtMs;
}

/** The archives that lie in a session's folder, each as the files that its bytes are in. */
export async function archivesOf(theatre: SessionFixture, s3: S3Server): Promise<string[][]> {
  const isArchive = (path: string) => /\/logs[^/]*\.tar\.gz$/.test(path) && !isOfJournal(path);
  const objects = s3.objects().filter(({ key }) => isArchive(`/${key}`));
  return [
    ...(await filesIn(theatre)).filter(isArchive).map(file => [file]),
    ...objects.map(({ bodies }) => bodies.map(({ file }) => file).filter(file => file !== undefined)),
  ];
}

/** What is left of journals. */
export async function journalsOf(theatre: SessionFixture, s3: S3Server): Promise<string[]> {
  return [...(await filesIn(theatre)), ...s3.objects().map(({ key }) => key)].filter(isOfJournal);
}

async function filesIn({ sessions }: SessionFixture): Promise<string[]> {
  const names = await readdir(sessions, { recursive: true }).catch(() => []);
  return names.map(name => join(sessions, name));
}

function isOfJournal(path: string): boolean {
  return /\/journal(\.\d+)?\//.test(path);
}

/** Unpacks an archive with GNU tar. @throws when it is damaged */
export async function unpack(pieces: readonly string[], folder: string): Promise<void> {
  await mkdir(folder);
  const command = 'set -o pipefail; folder=$1; shift; cat "$@" | tar -xzf - -C "$folder"';
  await promisify(execFile)('bash', ['-c', command, 'bash', folder, ...pieces]);
}
