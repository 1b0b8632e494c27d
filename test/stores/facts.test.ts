import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FACTS } from './facts.ts';
import type { RealStore } from './start/store.ts';
import { createBucket } from './support.ts';

/** The tables of docs/stores.md: their rows by their first cell. */
const rows = new Map(
  readFileSync(resolve(import.meta.dirname, '../../docs/stores.md'), 'utf8')
    .split('\n')
    .filter(line => line.startsWith('| '))
    .map(line => line.slice(2, -2).split(' | '))
    .map(([name = '', ...cells]) => [name, cells]),
);

const COLUMNS: Readonly<Record<RealStore['kind'], number>> = { ceph: 1, swift: 2 };

describe.each(['ceph', 'swift'] as const)('docs/stores.md tells of %s what it does with', kind => {
  test.for(FACTS)('$name', async ({ name, measure }) => {
    const measured = await measure(await createBucket(kind));
    expect(rows.get(name)?.[COLUMNS[kind]]).toBe(measured);
  });
});
