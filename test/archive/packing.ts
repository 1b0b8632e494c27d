import { type PackOptions, type PackSummary, pack } from '../../src/archive/pack.ts';

export interface Packed {
  readonly archive: Buffer;
  readonly chunks: readonly Buffer[];
  readonly summary: PackSummary;
  readonly index: Buffer;
}

type Choices = Partial<Omit<PackOptions, 'selection'> & PackOptions['selection']>;

/** Packs a folder into memory. */
export async function packed(root: string, choices: Choices = {}): Promise<Packed> {
  const packing = pack(packOptions(root, choices));
  const chunks: Buffer[] = [];
  for await (const chunk of packing.chunks) chunks.push(chunk);
  return { archive: Buffer.concat(chunks), chunks, summary: packing.summary(), index: packing.index() };
}

export function packOptions(root: string, choices: Choices = {}): PackOptions {
  const { include = [], exclude = [], excludedPaths = [], ...rest } = choices;
  return {
    selection: { root, include, exclude, excludedPaths },
    codec: 'gzip',
    level: 2,
    chunkBytes: 1 << 20,
    threads: 2,
    signal: new AbortController().signal,
    ...rest,
  };
}
