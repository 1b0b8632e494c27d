import {
  appendFileSync,
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

/**
 * Everything that programs do to the files of a folder, one random thing at a time, as a random source decides.
 * @param only these things
 */
export function mischief(root: string, random: () => number, only?: readonly string[]): () => string {
  const below = (n: number) => Math.floor(random() * n);
  const noise = (bytes: number) =>
    Buffer.from(Array.from({ length: Math.ceil(bytes / 64) }, () => line()).join('')).subarray(0, bytes);
  const line = () =>
    `${Math.floor(random() * 2 ** 32).toString(36)} something happened at ${random()}\n`.padEnd(64, '.');
  const size = () => [0, 1, 100, 4096, 4097, 70_000, 300_000][below(7)] ?? 0;
  const folders = (): string[] => [root, ...entries(root).filter(path => lstatSync(path).isDirectory())];
  const files = (): string[] => entries(root).filter(path => lstatSync(path).isFile());
  const pick = <T>(list: readonly T[]): T | undefined => list[below(list.length)];
  const fresh = () =>
    join(
      pick(folders()) ?? root,
      ['a.log', 'b.log', 'r.mca', 'state.json', `n${below(30)}`][below(5)] ?? 'x',
    );
  const someFile = () => pick(files()) ?? join(root, 'a.log');
  const ifFree = (path: string, make: () => void) => {
    if (!existsSync(path)) make();
  };

  const deeds: Record<string, () => void> = {
    append: () => appendFileSync(someFile(), noise(size())),
    appendALine: () => appendFileSync(someFile(), line()),
    create: () => {
      const path = fresh();
      ifFree(path, () => writeFileSync(path, noise(size())));
    },
    rewrite: () => writeFileSync(someFile(), noise(size())),
    rewriteKeepingTheSize: () => {
      const path = someFile();
      if (existsSync(path)) writeFileSync(path, noise(lstatSync(path).size));
    },
    patchTheMiddleAndGrow: () => {
      const path = someFile();
      if (!existsSync(path)) return;
      const fd = openSync(path, 'r+');
      writeSync(fd, line(), below(lstatSync(path).size + 1));
      closeSync(fd);
      appendFileSync(path, line());
    },
    makeARegion: () => {
      const path = fresh();
      ifFree(path, () => writeFileSync(path, noise(65_536 + below(16) * 65_536)));
    },
    patchBlocks: () => {
      const path = pick(files().filter(file => lstatSync(file).size >= 65_536));
      if (path === undefined) return;
      const fd = openSync(path, 'r+');
      for (let i = below(5); i >= 0; i -= 1) {
        writeSync(fd, noise(1 + below(20_000)), 0, undefined, below(lstatSync(path).size));
      }
      closeSync(fd);
    },
    patchTheMiddle: () => {
      const path = someFile();
      if (!existsSync(path)) return;
      const fd = openSync(path, 'r+');
      writeSync(fd, line(), below(lstatSync(path).size + 1));
      closeSync(fd);
    },
    cut: () => {
      const path = someFile();
      if (existsSync(path)) truncateSync(path, below(lstatSync(path).size + 1));
    },
    copyAndCut: () => {
      const path = someFile();
      if (!existsSync(path)) return;
      ifFree(`${path}.1`, () => copyFileSync(path, `${path}.1`));
      truncateSync(path, 0);
      appendFileSync(path, noise(size()));
    },
    rotate: () => {
      const path = someFile();
      if (!existsSync(path) || lstatSync(root).isFile()) return;
      for (const [from, to] of [
        [`${path}.1`, `${path}.2`],
        [path, `${path}.1`],
      ] as const) {
        if (existsSync(from) && lstatSync(from).isFile() && !isFolder(to)) renameSync(from, to);
      }
      ifFree(path, () => appendFileSync(path, line()));
    },
    swap: () => {
      const [a, b] = [someFile(), someFile()];
      if (a === b || !existsSync(a) || !existsSync(b)) return;
      const aside = join(root, 'aside');
      if (existsSync(aside)) return;
      renameSync(a, aside);
      renameSync(b, a);
      renameSync(aside, b);
    },
    replace: () => {
      const path = someFile();
      const next = join(root, 'next.tmp');
      if (isFolder(next)) return;
      writeFileSync(next, noise(size()));
      if (!isFolder(path)) renameSync(next, path);
    },
    move: () => {
      const [from, to] = [someFile(), fresh()];
      if (existsSync(from) && !isFolder(to)) renameSync(from, to);
    },
    remove: () => rmSync(someFile(), { force: true }),
    removeAndMakeAgain: () => {
      const path = someFile();
      rmSync(path, { force: true });
      ifFree(path, () => writeFileSync(path, noise(size())));
    },
    makeFolder: () => {
      const path = join(pick(folders()) ?? root, `d${below(6)}`);
      ifFree(path, () => mkdirSync(path));
    },
    moveFolder: () => {
      const from = pick(folders().slice(1));
      const to = join(root, `d${below(6)}`);
      if (from !== undefined && !existsSync(to) && !to.startsWith(from)) renameSync(from, to);
    },
    removeFolder: () => {
      const path = pick(folders().slice(1));
      if (path !== undefined && random() < 0.3) rmSync(path, { recursive: true });
    },
    fileInPlaceOfFolder: () => {
      const path = pick(folders().slice(1));
      if (path === undefined || random() < 0.7) return;
      rmSync(path, { recursive: true });
      writeFileSync(path, line());
    },
    link: () => {
      const path = join(pick(folders()) ?? root, `l${below(5)}`);
      if (isLink(path)) rmSync(path);
      if (!isThere(path)) symlinkSync(`../${below(100)}`, path);
    },
    hardLink: () => {
      const [from, to] = [someFile(), fresh()];
      if (existsSync(from)) ifFree(to, () => linkSync(from, to));
    },
    changeMode: () => {
      const path = someFile();
      if (existsSync(path)) chmodSync(path, [0o600, 0o644, 0o755, 0o444][below(4)] ?? 0o644);
    },
    changeFolderMode: () => {
      const path = pick(folders().slice(1));
      if (path !== undefined) chmodSync(path, [0o700, 0o755][below(2)] ?? 0o755);
    },
    touch: () => {
      const path = someFile();
      if (existsSync(path)) utimesSync(path, 1_600_000_000 + below(1e6), 1_600_000_000 + below(1e6));
    },
  };
  const names = only ?? Object.keys(deeds);
  return () => {
    const name = pick(names) ?? 'append';
    deeds[name]?.();
    return name;
  };
}

function entries(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .sort()
    .map(path => join(folder, path));
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function isFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}
