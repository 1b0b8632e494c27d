import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { END_OF_TAR, encodeTarHeader, tarPadding } from '../../src/files/tar.ts';
import { readTarFiles } from '../../src/files/untar.ts';

const NAMES = [
  Buffer.from('plain'),
  Buffer.from(`long/${'x'.repeat(300)}`),
  Buffer.from([0x66, 0xff, 0x2f, 0xe9]),
  Buffer.from('ä'.repeat(50)),
];

function tarOf(names: readonly Buffer[], body: Buffer): Buffer {
  const files = names.flatMap(path => [
    encodeTarHeader({ type: 'file', path, size: body.length, mode: 0o644, mtimeMs: 1e12 }),
    body,
    Buffer.alloc(tarPadding(body.length)),
  ]);
  return Buffer.concat([...files, END_OF_TAR]);
}

test.each([0, 1, 511, 512, 513])(
  'reads back what was written, names of any bytes, contents of %i bytes',
  bytes => {
    const body = Buffer.alloc(bytes, 'content');
    expect([...readTarFiles(tarOf(NAMES, body))]).toEqual(NAMES.map(path => ({ path, body })));
  },
);

test('refuses a tar that was cut off anywhere', () => {
  const tar = tarOf(NAMES, Buffer.alloc(1000, 'content'));
  for (let bytes = 0; bytes < tar.length; bytes += 100) {
    expect(() => [...readTarFiles(tar.subarray(0, bytes))], `${bytes} bytes`).toThrow();
  }
});

test('refuses a header in which a byte was changed', () => {
  const tar = tarOf([Buffer.from('plain')], Buffer.alloc(0));
  for (let at = 0; at < 500; at += 1) {
    const damaged = Buffer.from(tar);
    damaged.writeUInt8(damaged.readUInt8(at) ^ 0x01, at);
    expect(() => [...readTarFiles(damaged)], `byte ${at}`).toThrow();
  }
});

test('refuses links and folders, as GNU tar writes them', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'untar-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'file'), 'content');
  const tar = execFileSync('tar', ['--format=ustar', '-C', folder, '-cf', '-', '.']);
  expect(() => [...readTarFiles(tar)]).toThrow('type "5"');
});
