import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFile,
  mkdtemp,
  readdir,
  readlink,
  rename,
  rm,
  truncate,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type FollowOptions, follow, splitLines } from '../../src/files/tail.ts';
import { eventually } from '../support/eventually.ts';

let folder: string;
let path: string;
let stop: AbortController;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'follow-'));
  path = join(folder, 'some.log');
  stop = new AbortController();
});

afterEach(async () => {
  stop.abort();
  await rm(folder, { recursive: true });
});

describe('following', () => {
  test('reads what is there and what is added', async () => {
    await writeFile(path, 'one\n');
    const reader = read();
    await eventually(() => reader.text() === 'one\n');
    await appendFile(path, 'two\n');
    await eventually(() => reader.text() === 'one\ntwo\n');
  });

  test('starts at the end, if it is told so', async () => {
    await writeFile(path, 'old\n');
    const reader = read({ from: 'end' });
    await eventually(async () => {
      await appendFile(path, 'new\n');
      return reader.text() !== '';
    });
    expect(reader.text()).toMatch(/^(new\n)+$/);
  });

  test.each([
    ['an offset', 2, 'd\nnew\n'],
    ['the start, when the file is shorter than the offset by now', 99, 'old\nnew\n'],
  ])('starts at %s', async (_, from, text) => {
    await writeFile(path, 'old\n');
    const reader = read({ from });
    await eventually(() => reader.text() !== '');
    await appendFile(path, 'new\n');
    await eventually(() => reader.text() === text);
  });

  test('waits for a file that does not exist yet', async () => {
    const reader = read();
    await writeFile(path, 'late\n');
    await eventually(() => reader.text() === 'late\n');
  });

  test('starts over in a file that was cut', async () => {
    await writeFile(path, 'a long first line\n');
    const reader = read();
    await eventually(() => reader.text() !== '');
    await truncate(path);
    await appendFile(path, 'second\n');
    await eventually(() => reader.text() === 'a long first line\nsecond\n');
  });

  test('reads a file to its end when another takes its name', async () => {
    await writeFile(path, 'one\n');
    const chunks = follow(path, { from: 'start', signal: stop.signal });
    expect(String((await chunks.next()).value)).toBe('one\n');
    await appendFile(path, 'two\n');
    await rename(path, `${path}.1`);
    await writeFile(path, 'three\n');
    expect(String((await chunks.next()).value)).toBe('two\n');
    expect(String((await chunks.next()).value)).toBe('three\n');
    await chunks.return();
  });

  test('stays with a file that was deleted, until another takes its name', async () => {
    await writeFile(path, 'one\n');
    const reader = read();
    await eventually(() => reader.text() !== '');
    await unlink(path);
    await writeFile(path, 'two\n');
    await eventually(() => reader.text() === 'one\ntwo\n');
  });

  test('is over at once when it is told to stop, with all that was written by then', async () => {
    await writeFile(path, 'one\n');
    const reader = read({ pollMs: 600_000 });
    await eventually(() => reader.text() !== '');
    await appendFile(path, 'x'.repeat(300_000));
    stop.abort();
    await reader.ended;
    expect(reader.text()).toHaveLength(300_004);
  });

  test('that is told to stop before it begins still reads what is there', async () => {
    await writeFile(path, 'one\n');
    stop.abort();
    const reader = read();
    await reader.ended;
    expect(reader.text()).toBe('one\n');
  });

  test('that is told to stop ends without a file, too', async () => {
    const reader = read();
    stop.abort();
    await reader.ended;
    expect(reader.text()).toBe('');
  });

  test('ends although the writer goes on', async () => {
    const writer = spawn(process.execPath, ['-e', FLOOD, path], { stdio: 'ignore' });
    try {
      const reader = read();
      await eventually(() => reader.text().length > 1_000_000);
      stop.abort();
      await reader.ended;
    } finally {
      await kill(writer);
    }
  });

  test('fails on a path that cannot be read', async () => {
    path = folder;
    await expect(read().ended).rejects.toThrow(`${folder} is not a regular file`);
  });

  test('lets go of the file, whoever stops', async () => {
    await writeFile(path, 'one\n');
    for await (const chunk of follow(path, { from: 'start', signal: stop.signal })) {
      expect(String(chunk)).toBe('one\n');
      break;
    }
    const reader = read();
    await eventually(() => reader.text() !== '');
    stop.abort();
    await reader.ended;
    expect(await openFiles()).not.toContain(path);
  });
});

describe('lines', () => {
  test('are cut at line feeds wherever the chunks end, and the last needs none', async () => {
    const text = 'one\n\ntwo é\r\nlast';
    for (let size = 1; size <= text.length; size += 1) {
      const bytes = Buffer.from(text);
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
        bytes.subarray(index * size, (index + 1) * size),
      );
      expect(await lines(chunks)).toEqual(['one', '', 'two é\r', 'last']);
    }
  });

  test('that are too long keep their beginning, and the next is whole', async () => {
    expect(await lines([Buffer.from('0123456'), Buffer.from('789\nnext\n0123456789')], 5)).toEqual([
      '01234',
      'next',
      '01234',
    ]);
  });

  test('of nothing are none', async () => {
    expect(await lines([])).toEqual([]);
  });
});

const FLOOD = `
  const fs = require('node:fs');
  const fd = fs.openSync(process.argv[1], 'a');
  setInterval(() => fs.writeSync(fd, 'x'.repeat(9999) + '\\n'), 1);
  setTimeout(() => process.exit(), 60000);
`;

interface Reader {
  text(): string;
  readonly ended: Promise<void>;
}

function read(options: Partial<FollowOptions> = {}): Reader {
  let text = '';
  const ended = (async () => {
    for await (const chunk of follow(path, { from: 'start', signal: stop.signal, ...options })) {
      text += chunk;
    }
  })();
  return { text: () => text, ended };
}

async function lines(chunks: readonly Buffer[], longestBytes?: number): Promise<string[]> {
  async function* source() {
    yield* chunks;
  }
  const found: string[] = [];
  for await (const line of splitLines(source(), longestBytes)) found.push(String(line));
  return found;
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

async function openFiles(): Promise<string[]> {
  const links = await readdir('/proc/self/fd');
  return Promise.all(links.map(fd => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
}
