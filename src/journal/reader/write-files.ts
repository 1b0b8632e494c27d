import { chmod, lutimes, mkdir, rename, symlink, utimes } from 'node:fs/promises';
import { isFurthest, toSettable } from '../../files/times.ts';
import { type BytePath, fromText, joinPath, toFsPath, toText } from '../format/byte-path.ts';
import { entryName } from '../format/schema.ts';
import { type Content, isComplete, type Replay, type Run, runFile } from './replay.ts';

/** What became of the files that were replayed. */
export interface WriteSummary {
  files: number;
  bytes: number;
  /** Files whose last bytes are missing, and how many at least. */
  readonly truncated: { readonly path: string; readonly missingBytes: number }[];
  /** Files of which a newer content had been uploaded in part: they are written as they were before. */
  readonly superseded: string[];
  /** Files that were written to while the journal read them. */
  readonly changedWhileRead: string[];
  /** Bytes that fit nowhere in their file, or whose path is taken or too long here: they are in a file of another name. */
  readonly displaced: { readonly path: string; readonly of: string; readonly bytes: number }[];
  /** Files of which the journal has nothing. */
  readonly missing: string[];
  /** Bytes of files that the journal does not hold: from one offset up to another. */
  readonly gaps: { readonly path: string; readonly from: number; readonly to: number }[];
  /** Files whose time was further away than a journal keeps: they have the nearest. */
  readonly nearestTime: string[];
}

/**
 * Moves the contents to where they belong below an empty folder. Nothing leads out of it: paths were checked when they
 * were read, every folder on the way is made here, and links come last.
 * @param time for folders and links, whose own is not recorded
 */
export async function writeFiles(replay: Replay, folder: string, time: Date): Promise<WriteSummary> {
  const summary: WriteSummary = {
    files: 0,
    bytes: 0,
    truncated: [],
    superseded: [],
    changedWhileRead: [],
    displaced: [],
    missing: [],
    gaps: [],
    nearestTime: [],
  };
  const contents = [...replay.contents.values()].sort(
    (a, b) => b.placedIn - a.placedIn || b.generation - a.generation,
  );
  const root = fromText(folder);
  const target: Target = { root, replay, summary, time, created: new Set(), taken: new Set() };
  for (const { path } of contents) for (const parent of parentsOf(path)) target.taken.add(parent);
  for (const path of [...replay.folders.keys(), ...replay.links.keys()]) {
    for (const parent of parentsOf(path)) target.taken.add(parent);
  }
  for (const path of replay.folders.keys()) target.taken.add(path);
  await mkdir(folder);
  const folders = [...replay.folders].filter(([path]) => fits(target, path));
  for (const [path] of folders) await makeDirectory(target, path);
  for (const content of contents) await writeContent(target, content);
  for (const [path, to] of replay.links) await writeLink(target, path, to);
  // Children first: a folder that may not be written to takes nothing any more.
  const deepestFirst = folders.sort(([a], [b]) => b.length - a.length);
  for (const [path, mode] of deepestFirst) await chmod(at(target, path), (mode & 0o1777) | OWN_FOLDER);
  for (const path of madeFolders(target)) await utimes(at(target, path), time, time);
  return summary;
}

function madeFolders({ created }: Target): Set<BytePath> {
  return new Set([...created].flatMap(path => [path, ...parentsOf(path)]));
}

interface Target {
  readonly root: BytePath;
  readonly replay: Replay;
  readonly summary: WriteSummary;
  readonly time: Date;
  readonly created: Set<BytePath>;
  readonly taken: Set<BytePath>;
}

function at({ root }: Target, path: BytePath): string | Buffer {
  return toFsPath(joinPath(root, path));
}

/** Linux takes paths of 4,095 bytes; the one below the working directory may have been nearer to the root. */
function fits({ root }: Target, path: BytePath): boolean {
  return root.length + 1 + path.length < 4096;
}

function* parentsOf(path: BytePath): Generator<BytePath> {
  for (let end = path.indexOf('/'); end >= 0; end = path.indexOf('/', end + 1)) yield path.slice(0, end);
}

async function makeDirectory(target: Target, path: BytePath): Promise<void> {
  if (target.created.has(path)) return;
  await mkdir(at(target, path), { recursive: true });
  target.created.add(path);
}

async function writeContent(target: Target, content: Content): Promise<void> {
  const { summary } = target;
  const name = toText(content.path);
  const [first, ...rest] = content.runs;
  if (first === undefined) {
    summary.missing.push(name);
    return;
  }
  if (!isComplete(content)) {
    if (!summary.superseded.includes(name)) summary.superseded.push(name);
    // The beginning of a content that was on its way is of no use, unless it is all that there is.
    if (together(target, content).some(part => hasOtherVersion(target, part))) return;
  }
  const isWhole = first.offset === 0 && isComplete(content);
  const isInPlace = isWhole && !target.taken.has(content.path) && fits(target, content.path);
  if (isInPlace) {
    target.taken.add(content.path);
    if (isFurthest(content.mtimeMs)) summary.nearestTime.push(name);
    await moveIntoPlace(target, content, first, content.path);
    summary.files += 1;
  } else await writeDisplaced(target, content, first);
  for (const run of rest) await writeDisplaced(target, content, run);
  if (content.changedWhileRead) summary.changedWhileRead.push(name);
  const missingBytes = content.size - first.end;
  if (isInPlace && missingBytes > 0) summary.truncated.push({ path: name, missingBytes });
  for (const { from, to } of gapsOf(content)) summary.gaps.push({ path: name, from, to });
}

function gapsOf({ runs, size }: Content): { from: number; to: number }[] {
  const starts = [...runs.map(({ offset }) => offset), size];
  const ends = [0, ...runs.map(({ end }) => end)];
  return starts.map((to, i) => ({ from: ends[i] ?? to, to })).filter(({ from, to }) => from < to);
}

/** A database's journal is of no use beside an earlier content of the database. */
function together({ replay }: Target, content: Content): Content[] {
  return content.set?.generations.flatMap(number => replay.contents.get(number) ?? []) ?? [content];
}

function hasOtherVersion({ replay }: Target, content: Content): boolean {
  return [...replay.contents.values()].some(
    other =>
      other !== content && other.path === content.path && isComplete(other) && other.runs[0]?.offset === 0,
  );
}

async function writeDisplaced(target: Target, content: Content, run: Run): Promise<void> {
  const spelled = entryName({ ...content, offset: run.offset }, false);
  const cut = spelled.lastIndexOf('/') + 1;
  // A name has no more than 255 bytes.
  const short = spelled.length - cut <= 255 ? spelled : `${spelled.slice(0, cut)}${spelled.slice(-40)}`;
  let path = fits(target, `${short}~~`) ? short : `too long${spelled.slice(-40)}`;
  while (target.taken.has(path)) path += '~';
  target.taken.add(path);
  await moveIntoPlace(target, content, run, path);
  target.summary.displaced.push({
    path: toText(path),
    of: toText(content.path),
    bytes: run.end - run.offset,
  });
}

async function moveIntoPlace(target: Target, content: Content, run: Run, path: BytePath): Promise<void> {
  const cut = path.lastIndexOf('/');
  if (cut > 0) await makeDirectory(target, path.slice(0, cut));
  const from = runFile(target.replay, content.generation, run);
  const time = toSettable(content.mtimeMs, content.mtimeNs);
  await utimes(from, time, time);
  // A recovered file starts nothing with another's rights.
  await chmod(from, (content.mode & 0o777) | OWN_FILE);
  await rename(from, at(target, path));
  target.summary.bytes += run.end - run.offset;
}

/** What is rebuilt has to be packed, or looked at, and removed: unlike root, its owner needs the rights for that. */
const [OWN_FILE, OWN_FOLDER] = process.getuid?.() === 0 ? [0, 0] : [0o400, 0o700];

async function writeLink(target: Target, path: BytePath, to: BytePath): Promise<void> {
  if (target.taken.has(path) || !fits(target, path) || to === '' || to.includes('\0')) {
    target.summary.missing.push(toText(path));
    return;
  }
  target.taken.add(path);
  const cut = path.lastIndexOf('/');
  if (cut > 0) await makeDirectory(target, path.slice(0, cut));
  await symlink(toFsPath(to), at(target, path));
  await lutimes(at(target, path), target.time, target.time);
}
