import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRandom, type Random } from '../support/random.ts';

/** A folder that is removed when the test is over: `await using folder = temporaryFolder()`. */
export function temporaryFolder(): { readonly path: string } & Disposable {
  const path = fs.mkdtempSync(join(tmpdir(), 'archive-'));
  return { path, [Symbol.dispose]: () => fs.rmSync(path, { recursive: true, force: true }) };
}

const MIB = 1 << 20;

/** File sizes at every border: of tar's records, of what is read at once, of the codecs' blocks. */
export const BORDERS: readonly number[] = [512, 65_536, MIB / 2, MIB].flatMap(border => [
  Math.max(0, border - 513),
  border - 512,
  border - 511,
  border - 1,
  border,
  border + 1,
  2 * border,
]);

/**
 * A tree of files, folders and links, the same for the same seed: sizes at random and at borders, contents that
 * compress and that do not, names of every kind.
 */
export function growTree(root: string, seed: number): void {
  const random = createRandom(seed);
  const folders: Buffer[] = [Buffer.from(root)];
  for (let i = 0; i < 12; i++) {
    const folder = under(pick(random, folders), randomName(random, i));
    fs.mkdirSync(folder, { mode: 0o700 + random.below(0o100) });
    folders.push(folder);
  }
  for (let i = 0; i < 60; i++) {
    const path = under(pick(random, folders), randomName(random, 100 + i));
    if (random.below(8) === 0) fs.symlinkSync(randomName(random, i), path);
    else fs.writeFileSync(path, content(random, randomSize(random)), { mode: 0o600 + random.below(0o200) });
  }
  // Times last: writing into a folder changes its own.
  for (const path of [...everything(Buffer.from(root))].reverse()) {
    const seconds = random.below(2 ** 31);
    fs.lutimesSync(path, seconds, seconds);
  }
}

function randomSize(random: Random): number {
  if (random.below(4) > 0) return random.below(3000);
  return random.below(2) === 0 ? pick(random, BORDERS) : random.below(1_500_000);
}

function content(random: Random, bytes: number): Buffer {
  switch (random.below(3)) {
    case 0:
      return random.noise(bytes);
    case 1:
      return Buffer.alloc(bytes);
    default:
      return Buffer.alloc(
        bytes,
        Array.from({ length: 500 }, () => `${random.below(1e6)} at ${random.below(99)}\n`).join(''),
      );
  }
}

function randomName(random: Random, i: number): Buffer {
  switch (random.below(8)) {
    case 0:
      return Buffer.from(`Ünïcödé-世界-🧱-${i}`);
    case 1:
      return Buffer.concat([Buffer.from([0xff, 0xfe, 0x80, 0xc3, 0x28]), Buffer.from(`-${i}`)]);
    case 2:
      return Buffer.from(`${i}-${'n'.repeat(90 + random.below(100))}`);
    case 3:
      return Buffer.from(`.${i} with "quotes"\nand\tlines\\`);
    case 4:
      return Buffer.from(`-rf ${i}`);
    default:
      return Buffer.from(`file-${i}.log`);
  }
}

function pick<T>(random: Random, choices: readonly T[]): T {
  const choice = choices[random.below(choices.length)];
  if (choice === undefined) throw new Error('nothing to choose from');
  return choice;
}

function under(folder: Buffer, name: Buffer): Buffer {
  return Buffer.concat([folder, Buffer.from('/'), name]);
}

function* everything(folder: Buffer): Generator<Buffer> {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true, encoding: 'buffer' })) {
    const path = under(folder, entry.name);
    yield path;
    if (entry.isDirectory()) yield* everything(path);
  }
}

/**
 * What a reader of an archive must give back, a line for each entry: name bytes, kind, mode, time in seconds, and
 * content or target. Times of links are left out: Python does not set them.
 */
export function describeTree(root: string): string[] {
  const describe = (path: Buffer) => {
    const stat = fs.lstatSync(path);
    const name = path.subarray(root.length + 1).toString('latin1');
    if (stat.isSymbolicLink()) return `${name} -> ${fs.readlinkSync(path, 'latin1')}`;
    const digest = stat.isFile()
      ? createHash('sha256').update(fs.readFileSync(path)).digest('hex')
      : 'folder';
    return `${name} ${(stat.mode & 0o7777).toString(8)} ${Math.floor(stat.mtimeMs / 1000)} ${stat.size * Number(stat.isFile())} ${digest}`;
  };
  return [...everything(Buffer.from(root))].map(describe).sort();
}

/** Eleven megabytes, half of which compress. */
export function fillWithNoiseAndText(folder: string): void {
  const random = createRandom(7);
  const lines = Array.from({ length: 20_000 }, () => `${random.below(1e9)} at ${random.fraction()} ok\n`);
  fs.mkdirSync(join(folder, 'region'));
  fs.writeFileSync(join(folder, 'agent.log'), Buffer.alloc(6_000_000, lines.join('')));
  fs.writeFileSync(join(folder, 'region/r.0.0.mca'), random.noise(5_000_000));
}
