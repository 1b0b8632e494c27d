import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

export interface Judgement {
  readonly faults: readonly string[];
  /** In files that only grow: not as in the original. In rewritten ones: in contents that were never written. */
  readonly wrongBytes: number;
  readonly tornLines: number;
  /** A log misses more, as it was cut before it was seen to grow: it counts as a rewritten file, read once a minute. */
  readonly isExcused: boolean;
  /** The age of the oldest line that is missing, when everything was killed. */
  readonly missingMs: number;
}

export interface Recovered {
  /** The working directory as the kill left it. */
  readonly original: string;
  /** What was recovered. */
  readonly folders: readonly string[];
  /** Since the epoch. */
  readonly killedAtMs: number;
  readonly allowedMs: number;
}

/** Compares what was recovered with what was there. */
export async function judge({ original, folders, killedAtMs, allowedMs }: Recovered): Promise<Judgement> {
  const known = await readTree(original);
  const trees = await Promise.all(folders.map(readTree));
  const found = trees.flatMap(tree => [...tree]);
  const wrong = found.map(([path, bytes]) => ({ path, ...compare(path, bytes, known) }));
  const logs = LOGS.map(log => ({
    name: log,
    ...missingOf(log, known, found, killedAtMs),
  }));
  const isLate = logs.some(({ name, missingMs }) => name === CUT && missingMs > allowedMs);
  const isExcused = isLate && (await wasCutUnseen(original, known, 2 * allowedMs));
  const bound = logs.filter(({ name }) => !(name === CUT && isExcused));
  const faults = [
    ...wrong.filter(({ why }) => why !== undefined).map(({ path, why }) => `${path} ${why}`),
    ...logs.flatMap(({ name, tornLines }) =>
      tornLines === 0 ? [] : [`${name} has ${tornLines} torn lines`],
    ),
    ...bound
      .filter(({ missingMs }) => missingMs > allowedMs)
      .map(({ name, missingMs }) => `${name} misses ${missingMs} ms of at most ${Math.round(allowedMs)}`),
  ];
  return {
    faults,
    isExcused,
    wrongBytes: wrong.reduce((sum, { wrongBytes }) => sum + wrongBytes, 0),
    tornLines: logs.reduce((sum, { tornLines }) => sum + tornLines, 0),
    missingMs: Math.max(...bound.map(({ missingMs }) => missingMs)),
  };
}

const CUT = 'cut.log';

/** Whether a log was cut before the two scans that it takes to see it grow. */
async function wasCutUnseen(original: string, known: Tree, withinMs: number): Promise<boolean> {
  if (!known.has(CUT)) return false;
  const copies = [...known.keys()].filter(path => path !== CUT && logOf(path) === CUT);
  const times = await Promise.all(copies.map(async path => (await stat(join(original, path))).mtimeMs));
  const { birthtimeMs } = await stat(join(original, CUT));
  return times.some(cutMs => cutMs - birthtimeMs < withinMs);
}

type Tree = ReadonlyMap<string, Buffer>;

async function readTree(folder: string): Promise<Tree> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name));
  const contents = await Promise.all(
    files.map(async file => [file.slice(folder.length + 1), await readFile(file)] as const),
  );
  return new Map(contents);
}

/** The logs that the agent writes; some go on under other names. */
const LOGS = ['counted.log', 'deep/er/steady.log', 'bursts.log', 'rotated.log', CUT, 'agent.log'];

const REWRITTEN = /^(?:replaced|rewritten)\.txt$/;
const PAGE = 4096;

interface Difference {
  readonly wrongBytes: number;
  readonly why?: string;
}

function compare(path: string, bytes: Buffer, known: Tree): Difference {
  if (REWRITTEN.test(path)) return proven([bytes]);
  if (path === 'pages.bin') return proven(pagesOf(bytes));
  // Read before it was renamed.
  if (path === 'replaced.tmp') return { wrongBytes: 0 };
  const candidates = [...known].filter(([name]) => isOfLog(name, logOf(path))).map(([, content]) => content);
  if (candidates.some(content => content.subarray(0, bytes.length).equals(bytes))) return { wrongBytes: 0 };
  const [nearest] = candidates.map(content => wrongBytesOf(bytes, content)).sort((a, b) => a - b);
  return { wrongBytes: nearest ?? bytes.length, why: 'is no prefix of what it was' };
}

function pagesOf(bytes: Buffer): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / PAGE) }, (_, n) =>
    bytes.subarray(n * PAGE, (n + 1) * PAGE),
  );
}

/** Whether all of it is what the agent once wrote in one go; a file is empty while it is created. */
function proven(contents: readonly Buffer[]): Difference {
  const wrong = contents.filter(content => content.length > 0 && !provesItself(content));
  const wrongBytes = wrong.reduce((sum, { length }) => sum + length, 0);
  return wrongBytes === 0 ? { wrongBytes } : { wrongBytes, why: 'has a content that was never written' };
}

function provesItself(content: Buffer): boolean {
  const text = content.toString('latin1').replace(/\0*$/, '').trimEnd();
  return createHash('sha256').update(text.slice(0, -64)).digest('hex') === text.slice(-64);
}

function wrongBytesOf(bytes: Buffer, original: Buffer): number {
  let wrong = Math.max(0, bytes.length - original.length);
  for (let at = 0; at < Math.min(bytes.length, original.length); at += 1)
    if (bytes[at] !== original[at]) wrong += 1;
  return wrong;
}

/** `rotated.log.3` is of `rotated.log`. */
function logOf(path: string): string {
  return path.replace(/\.\d+$/, '');
}

function isOfLog(path: string, log: string): boolean {
  return logOf(path) === log;
}

/** Which lines of a log are missing, wherever the others are, and which were recovered in part. */
function missingOf(
  log: string,
  known: Tree,
  found: readonly (readonly [string, Buffer])[],
  killedAtMs: number,
) {
  const written = [...known].filter(([path]) => isOfLog(path, log)).flatMap(([, bytes]) => linesOf(bytes));
  const recovered = found.filter(([path]) => isOfLog(path, log)).map(([, bytes]) => linesOf(bytes));
  const numbers = new Set(recovered.flat().map(({ number }) => number));
  const missing = written.filter(({ number }) => !numbers.has(number)).map(({ atMs }) => atMs);
  return {
    missingMs: missing.length === 0 ? 0 : Math.max(0, killedAtMs - missing.reduce((a, b) => Math.min(a, b))),
    tornLines: recovered.flat().filter(({ isWhole }) => !isWhole).length,
  };
}

/** The lines of a log up to its last end of line. */
function linesOf(bytes: Buffer) {
  const lines = bytes.toString('latin1').split('\n').slice(0, -1);
  return lines.map((line, index) => {
    const [, number, atMs] = /^(\d+) (\d{13})(?: \.*)?$/.exec(line) ?? [];
    const before = index === 0 ? undefined : /^\d+/.exec(lines[index - 1] ?? '')?.[0];
    const follows = before === undefined || Number(before) + 1 === Number(number);
    return { number: Number(number), atMs: Number(atMs), isWhole: number !== undefined && follows };
  });
}
