import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import {
  addEntry,
  ensureSection,
  entriesIn,
  parseIni,
  removeEntries,
  serialiseIni,
  setValue,
  valueIn,
} from '../../../src/minecraft/cuberite/ini.ts';
import { seeded } from '../../support/seeded.ts';

const ini = (text: string) => parseIni(Buffer.from(text));
const text = (document: ReturnType<typeof ini>) => serialiseIni(document).toString();

describe('what nobody asked to change stays byte for byte', () => {
  test('in the configuration that tests use, with CRLF, comments and repeated keys', async () => {
    for (const name of ['settings.ini', 'world/world.ini', 'items.ini']) {
      const bytes = await readFile(
        new URL(`../../fixtures/cuberite_config/flat_world/${name}`, import.meta.url),
      );
      expect(serialiseIni(parseIni(bytes))).toEqual(bytes);
    }
  });

  test('in a thousand files of random pieces', () => {
    const random = seeded(20_251_216);
    const pieces = [
      '[Plugins]',
      '[a]',
      ']',
      '[',
      '=',
      ';',
      '#',
      'Plugin=x',
      ' ',
      '\r',
      '\n',
      '\r\n',
      'é',
      'ÿ\0',
      '\\n',
    ];
    for (let round = 0; round < 1_000; round += 1) {
      const length = Math.trunc(random() * 40);
      const bytes = Buffer.concat(
        Array.from({ length }, () => {
          const piece = pieces[Math.trunc(random() * (pieces.length + 1))];
          return piece === undefined ? Buffer.from([random() * 256]) : Buffer.from(piece);
        }),
      );
      expect(serialiseIni(parseIni(bytes))).toEqual(bytes);
    }
  });

  test('around a change, also where bytes are no UTF-8', () => {
    const bytes = Buffer.from('; caf\xe9\r\n[Server]\r\nMotd=\xff\xfe\r\nPorts=1\r\n', 'latin1');
    const changed = serialiseIni(setValue(parseIni(bytes), 'Server', 'Ports', '2')).toString('latin1');
    expect(changed).toBe('; caf\xe9\r\n[Server]\r\nMotd=\xff\xfe\r\nPorts=2\r\n');
  });
});

describe('reading', () => {
  test('finds sections and keys regardless of case, and gives the first of repeated keys', () => {
    const document = ini('[SERVER]\nports=1\nPORTS=2\n');
    expect(valueIn(document, 'Server', 'Ports')).toBe('1');
    expect(entriesIn(document, 'server')).toEqual([
      { key: 'ports', value: '1' },
      { key: 'PORTS', value: '2' },
    ]);
  });

  test('joins the pieces of a section that comes twice', () => {
    const document = ini('[Plugins]\nPlugin=a\n[Server]\nx=1\n[plugins]\nPlugin=b\n');
    expect(entriesIn(document, 'Plugins').map(({ value }) => value)).toEqual(['a', 'b']);
  });

  test('trims values but not keys, and keeps what looks like a comment or a section in a value', () => {
    const document = ini('[s]\n key = a ; b [c] \nurl=x?a=b\n');
    expect(entriesIn(document, 's')).toEqual([
      { key: ' key ', value: 'a ; b [c]' },
      { key: 'url', value: 'x?a=b' },
    ]);
  });

  test('passes over comments, lines with a comment sign before the equals sign, and broken headers', () => {
    expect(entriesIn(ini('[s]\n;a=1\n#b=2\nc;d=3\n[t\ne=4\n'), 's')).toEqual([{ key: 'e', value: '4' }]);
  });

  test('sees the first line behind a byte order mark, and keys before any section', () => {
    expect(valueIn(ini('\ufeff[Server]\nPorts=1\n'), 'Server', 'Ports')).toBe('1');
    expect(valueIn(ini('\ufeffPorts=1\n'), '', 'Ports')).toBe('1');
    expect(valueIn(ini('Ports=1\n'), '', 'ports')).toBe('1');
  });
});

describe('setting a value', () => {
  test.each([
    ['changes the line where it stands', '[a]\nx=1\ny=2\n[b]\nx=3\n', '[a]\nx=9\ny=2\n[b]\nx=3\n'],
    ['leaves one line of several', '[a]\nx=1\ny=2\nX=3\n', '[a]\nx=9\ny=2\n'],
    ['leaves a line alone that says so already', '[a]\nx=  9 \r\n', '[a]\nx=  9 \r\n'],
    ['spells the key as asked, since Cuberite reads some of them so', '[a]\nX=9\n', '[a]\nx=9\n'],
    [
      'adds a missing key below its section, above blank lines',
      '[a]\ny=2\n\n[b]\n',
      '[a]\ny=2\nx=9\n\n[b]\n',
    ],
    ['adds a missing key to an empty section', '[a]\n\n[b]\n', '[a]\nx=9\n\n[b]\n'],
    ['makes a missing section', '[b]\ny=2\n', '[b]\ny=2\n\n[a]\nx=9\n'],
    ['makes a document out of nothing', '', '[a]\nx=9\n'],
    ['ends new lines as the others end', '[a]\r\ny=2\r\n', '[a]\r\ny=2\r\nx=9\r\n'],
    ['keeps a missing final line ending missing', '[a]\r\ny=2', '[a]\r\ny=2\r\nx=9'],
    ['takes a key with spaces for another key, as Cuberite does', '[a]\nx =1\n', '[a]\nx =1\nx=9\n'],
  ])('%s', (_, before, after) => {
    const changed = setValue(ini(before), 'a', 'x', '9');
    expect(text(changed)).toBe(after);
    expect(valueIn(parseIni(serialiseIni(changed)), 'a', 'x')).toBe('9');
    expect(text(setValue(changed, 'a', 'x', '9'))).toBe(after);
  });

  test('keeps a value with a line feed on its line, as Cuberite spells it', () => {
    const changed = setValue(ini('[a]\n'), 'a', 'x', '1\n[b]');
    expect(text(changed)).toBe('[a]\nx=1\\n[b]\n');
    expect(valueIn(parseIni(serialiseIni(changed)), 'a', 'x')).toBe('1\n[b]');
  });

  test('writes names of any alphabet as UTF-8', () => {
    expect(text(setValue(ini(''), 'a', 'ключ', '日本'))).toBe('[a]\nключ=日本\n');
  });
});

test('a repeated key is added below the others', () => {
  expect(text(addEntry(ini('[P]\nPlugin=a\n; why\n\n[b]\n'), 'p', 'Plugin', 'b'))).toBe(
    '[P]\nPlugin=a\nPlugin=b\n; why\n\n[b]\n',
  );
});

test('entries are removed from their section alone', () => {
  const document = ini('[a]\nx=1\ny=2\nx=3\n[b]\nx=1\n');
  expect(text(removeEntries(document, 'A', ({ key }) => key === 'x'))).toBe('[a]\ny=2\n[b]\nx=1\n');
});

test('a section that is there is not made again', () => {
  expect(text(ensureSection(ini('[Plugins]\n'), 'plugins'))).toBe('[Plugins]\n');
  expect(text(ensureSection(ini('x=1'), 'a'))).toBe('x=1\n\n[a]');
});
