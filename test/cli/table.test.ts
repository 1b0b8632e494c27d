import { expect, test } from 'vitest';
import { tableLines } from '../../src/cli/table.ts';

const ROWS = [
  {
    name: '2026-11-22T11:26:36.000Z',
    start: '2026-11-22 11:26',
    end: 'server-ended-by-plugin',
    size: '866 MiB',
  },
  { name: '2026-11-22T11:26:36.1Z', start: '2026-11-22 11:27', end: 'signal', size: '2 B' },
];

const lines = (columns: number | undefined) =>
  tableLines<(typeof ROWS)[number]>(
    ROWS,
    [
      { title: 'SESSION', cell: ({ name }) => name },
      { title: 'START', cell: ({ start }) => start, isOptional: true },
      { title: 'END', cell: ({ end }) => end, leastWidth: 8 },
      { title: 'SIZE', cell: ({ size }) => size, align: 'right' },
    ],
    { columns, styleTitle: text => text },
  );

test('columns are as wide as what is in them, and numbers stand below one another', () => {
  expect(lines(undefined)).toEqual([
    'SESSION                   START             END                        SIZE',
    '2026-11-22T11:26:36.000Z  2026-11-22 11:26  server-ended-by-plugin  866 MiB',
    '2026-11-22T11:26:36.1Z    2026-11-22 11:27  signal                      2 B',
  ]);
});

test('where a line is too short a column is left out, then one is cut, and names never are', () => {
  expect(lines(60)[1]).toBe('2026-11-22T11:26:36.000Z  server-ended-by-plugin  866 MiB');
  expect(lines(50)).toEqual([
    'SESSION                   END                 SIZE',
    '2026-11-22T11:26:36.000Z  server-ended-b…  866 MiB',
    '2026-11-22T11:26:36.1Z    signal               2 B',
  ]);
  expect(lines(10)[1]).toBe('2026-11-22T11:26:36.000Z  server-…  866 MiB');
});
