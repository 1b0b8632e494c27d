import { chmod, mkdir, rename, symlink, utimes } from 'node:fs/promises';
import { type BytePath, fromText, joinPath, toFsPath, toText } from '../format/byte-path.ts';
import { entryName } from '../format/schema.ts';
import { type Content, isComplete, type Replay, type Run, runFile } from './replay.ts';

/** What became of the contents that were replayed. */
export interface Layout {
  files: number;
  bytes: number;
  /** Files that end before they did, and by how many bytes at least. */
  readonly tails: { readonly path: string; readonly missingBytes: number }[];
  /** Files that are given as they were before: a newer content was on its way. */
  readonly outdated: string[];
  /** Files that were written to while they were read. */
  readonly torn: string[];
  /** What has no place in its file, or whose place is taken. */
  readonly beside: { readonly path: string; readonly of: string; readonly bytes: number }[];
  /** Files of which nothing is there. */
  readonly lost: string[];
}

/**
 * Moves the contents to where they belong below an empty folder. Nothing leads out of it: paths were checked when they
 * were read, every folder on the way is made here, and links come last.
 */
export async function layOut(replay: Replay, folder: string): Promise<Layout> {
  const layout: Layout = { files: 0, bytes: 0, tails: [], outdated: [], torn: [], beside: [], lost: [] };
  const contents = [...replay.contents.values()].sort(
    (a, b) => b.placedIn - a.placedIn || b.generation - a.generation,
  );
  const target: Target = { root: fromText(folder), replay, layout, made: new Set(), taken: new Set() };
  for (const { path } of contents) for (const parent of parentsOf(path)) target.taken.add(parent);
  for (const path of [...replay.folders.keys(), ...replay.links.keys()]) {
    for (const parent of parentsOf(path)) target.taken.add(parent);
  }
  for (const path of replay.folders.keys()) target.taken.add(path);
  await mkdir(folder);
  for (const path of replay.folders.keys()) await makeFolder(target, path);
  for (const content of contents) await layOutContent(target, content);
  for (const [path, to] of replay.links) await layOutLink(target, path, to);
  // Children first: a folder that may not be written to takes nothing any more.
  const deepestFirst = [...replay.folders].sort(([a], [b]) => b.length - a.length);
  for (const [path, mode] of deepestFirst) await chmod(at(target, path), mode & 0o1777);
  return layout;
}

interface Target {
  readonly root: BytePath;
  readonly replay: Replay;
  readonly layout: Layout;
  readonly made: Set<BytePath>;
  readonly taken: Set<BytePath>;
}

function at({ root }: Target, path: BytePath): string | Buffer {
  return toFsPath(joinPath(root, path));
}

function* parentsOf(path: BytePath): Generator<BytePath> {
  for (let end = path.indexOf('/'); end >= 0; end = path.indexOf('/', end + 1)) yield path.slice(0, end);
}

async function makeFolder(target: Target, path: BytePath): Promise<void> {
  if (target.made.has(path)) return;
  await mkdir(at(target, path), { recursive: true });
  target.made.add(path);
}

async function layOutContent(target: Target, content: Content): Promise<void> {
  const { layout } = target;
  const name = toText(content.path);
  const [first, ...rest] = content.runs;
  if (first === undefined) {
    layout.lost.push(name);
    return;
  }
  if (!isComplete(content)) {
    layout.outdated.push(name);
    // The beginning of a content that was on its way is of no use, unless it is all that there is.
    if (isElsewhere(target, content)) return;
  }
  const isInPlace = first.offset === 0 && isComplete(content) && !target.taken.has(content.path);
  if (isInPlace) {
    target.taken.add(content.path);
    await put(target, content, first, content.path);
    layout.files += 1;
  } else await putBeside(target, content, first);
  for (const run of rest) await putBeside(target, content, run);
  if (content.isTorn) layout.torn.push(name);
  const missingBytes = content.size - first.end;
  if (isInPlace && missingBytes > 0) layout.tails.push({ path: name, missingBytes });
}

function isElsewhere({ replay }: Target, content: Content): boolean {
  return [...replay.contents.values()].some(
    other =>
      other !== content && other.path === content.path && isComplete(other) && other.runs[0]?.offset === 0,
  );
}

async function putBeside(target: Target, content: Content, run: Run): Promise<void> {
  const spelled = entryName({ ...content, offset: run.offset }, false);
  const cut = spelled.lastIndexOf('/') + 1;
  // A name has no more than 255 bytes.
  const short = spelled.length - cut <= 255 ? spelled : `${spelled.slice(0, cut)}${spelled.slice(-40)}`;
  let path = short;
  while (target.taken.has(path)) path += '~';
  target.taken.add(path);
  await put(target, content, run, path);
  target.layout.beside.push({ path: toText(path), of: toText(content.path), bytes: run.end - run.offset });
}

async function put(target: Target, content: Content, run: Run, path: BytePath): Promise<void> {
  const cut = path.lastIndexOf('/');
  if (cut > 0) await makeFolder(target, path.slice(0, cut));
  const from = runFile(target.replay, content.generation, run);
  // A microsecond more: seconds as a double may fall just short of the millisecond.
  const seconds = Math.min(Math.max((content.mtimeMs + 0.001) / 1000, 0), LATEST_SECONDS);
  await utimes(from, seconds, seconds);
  // A recovered file starts nothing with another's rights.
  await chmod(from, content.mode & 0o777);
  await rename(from, at(target, path));
  target.layout.bytes += run.end - run.offset;
}

/** The year 2242, which every file system can keep. */
const LATEST_SECONDS = 2 ** 33;

async function layOutLink(target: Target, path: BytePath, to: BytePath): Promise<void> {
  if (target.taken.has(path) || to === '' || to.includes('\0')) {
    target.layout.lost.push(toText(path));
    return;
  }
  target.taken.add(path);
  const cut = path.lastIndexOf('/');
  if (cut > 0) await makeFolder(target, path.slice(0, cut));
  await symlink(toFsPath(to), at(target, path));
}
