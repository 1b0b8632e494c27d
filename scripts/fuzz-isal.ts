#!/usr/bin/env node
/**
 * Deflates random blocks with ISA-L, of every size, and has zlib inflate and compare them.
 * Usage: fuzz-isal.ts [--gib 10] [--seed 1]; install-isal.sh builds what it takes.
 */
import { parseArgs } from 'node:util';
import { findIsal, isalDeflater } from '../src/archive/isal-deflater.ts';
import { fuzzDeflater } from '../test/archive/isal-blocks.ts';

const BLOCKS_A_ROUND = 500;

const { values } = parseArgs({
  options: { gib: { type: 'string', default: '10' }, seed: { type: 'string', default: '1' } },
});
const isal = findIsal();
if (isal === undefined) throw new Error('ISA-L is not built: run sh scripts/install-isal.sh');
const deflater = isalDeflater(isal);
const wanted = Number(values.gib) * 2 ** 30;
let compared = 0;
for (let seed = Number(values.seed); compared < wanted; seed += 1) {
  compared += await fuzzDeflater(deflater, seed, BLOCKS_A_ROUND);
  process.stdout.write(`seed ${seed}: ${(compared / 2 ** 30).toFixed(2)} GiB came back as they were\n`);
}
