import { statfs } from 'node:fs/promises';
import { within } from '../runtime/abort.ts';
import { type Mount, readMounts } from './mounts.ts';

const KERNELS = new Set(
  (
    'proc sysfs devpts devtmpfs mqueue cgroup cgroup2 debugfs tracefs securityfs selinuxfs configfs fusectl bpf pstore ' +
    'efivarfs binfmt_misc rpc_pipefs nsfs'
  ).split(' '),
);

/** On disks and in the memory of this machine. All others have a server or a process behind them. */
const LOCAL = new Set('btrfs erofs ext2 ext3 ext4 f2fs overlay ramfs squashfs tmpfs xfs zfs'.split(' '));

/** A call that waits for a server can be neither ended nor waited for: so long it has when nothing depends on it, */
const ANSWER_MS = 1_000;
/** and so long when what is left out is left out for good. */
export const LAST_ANSWER_MS = 3_000;
/** libuv's threads may have much to do before they ask. */
const BUSY_MS = 4_000;

interface Question {
  /** When a thread has asked, on the clock of performance.now(). */
  readonly begunMs: Promise<number>;
  readonly answered: Promise<boolean>;
}

/** To mounts that have not answered yet: one that has gone silent holds one thread, and is waited for once. */
const asked = new Map<string, Question>();

/**
 * The mounted folders below a folder that are left out, by absolute path, each with why; and the folder itself where what
 * it is on does not answer. File systems of the kernel hold no files, but views of the machine: some wait for whoever
 * reads them, /proc/kcore is 128 TiB long, and none is ever read to its end. One that does not answer would hold whoever
 * looks into it for ever.
 * @param root absolute; bytes in latin1, as all paths here
 * @param answerMs how long each has to answer
 */
export async function foldersLeftOut(
  root: string,
  answerMs: number = ANSWER_MS,
): Promise<ReadonlyMap<string, string>> {
  const mounts = readMounts();
  const below = mounts
    .filter(({ at }) => at !== root && isIn(root, at))
    .map(mount => ({ mount, at: mount.at }));
  const looked = [...below, ...holding(root, mounts).map(mount => ({ mount, at: root }))];
  const reasons = await Promise.all(
    looked.map(async ({ mount, at }) => [at, await reasonFor(mount, answerMs)] as const),
  );
  return new Map(reasons.flatMap(([at, why]) => (why === undefined ? [] : [[at, why]])));
}

/** Whether what a folder is on does not answer: whoever calls it would wait for ever. @param folder absolute */
export async function isSilent(folder: string): Promise<boolean> {
  const path = Buffer.from(folder).toString('latin1');
  return (await foldersLeftOut(path)).has(path);
}

/** Whether a folder is on a disk, or in the memory, of this machine, whose kernel hears of all changes. @param folder absolute, in latin1 */
export function isLocal(folder: string): boolean {
  return holding(folder, readMounts()).some(({ type }) => LOCAL.has(type));
}

function isIn(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}

/** What a folder is on: the mount that is nearest above it, and of several at one place the last. */
function holding(root: string, mounts: readonly Mount[]): Mount[] {
  const above = mounts.filter(({ at, type }) => isIn(at, root) && !KERNELS.has(type));
  const nearest = Math.max(...above.map(({ at }) => at.length));
  return above.filter(({ at }) => at.length === nearest).slice(-1);
}

async function reasonFor({ at, type }: Mount, answerMs: number): Promise<string | undefined> {
  if (KERNELS.has(type)) return 'a file system of the kernel';
  if (LOCAL.has(type) || (await answers(at, answerMs))) return undefined;
  return 'a file system that does not answer';
}

async function answers(at: string, answerMs: number): Promise<boolean> {
  const { begunMs, answered } = asked.get(at) ?? ask(at);
  return (await within((await begunMs) + answerMs - performance.now(), answered)) ?? false;
}

/** statfs(2): what a network file system says of its folders may come from a cache, long after its server has gone. */
function ask(at: string): Question {
  const answered = isAnswered(Buffer.from(at, 'latin1'));
  // The kernel answers this one at once: a thread has taken the question before it by then.
  const begunMs = within(BUSY_MS, isAnswered('/proc')).then(() => performance.now());
  const question = { begunMs, answered };
  asked.set(at, question);
  void answered.finally(() => asked.delete(at));
  return question;
}

/** One that refuses has answered, too. */
function isAnswered(path: string | Buffer): Promise<boolean> {
  return statfs(path).then(
    () => true,
    () => true,
  );
}
