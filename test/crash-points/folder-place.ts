import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { unlessMissing } from '../../src/files/errno.ts';
import { SUPERVISOR } from '../support/built.ts';
import { readTree } from '../support/known-files.ts';
import { HOOK_VARIABLE, type HookSettings, type LedgerLine } from './ledger.ts';
import type { Place, StoredEvent, Trap } from './place.ts';
import { digestOf } from './s3-place.ts';

/**
 * A folder as a destination. Each call that changes a file in it is a point, before it is made; a write is another one,
 * when half of it is done.
 * @param parent where a folder for the ledger may be made
 */
export async function openFolderPlace(
  folder: string,
  parent: string,
  before: readonly StoredEvent[],
  trap: Trap | undefined,
): Promise<Place> {
  const ledger = join(parent, 'ledger');
  await mkdir(ledger);
  const last = new Map(before.map(event => [event.key, event]));
  for (const { key, bytes } of last.values()) {
    if (bytes === undefined) continue;
    await mkdir(dirname(join(folder, key)), { recursive: true });
    await writeFile(join(folder, key), bytes);
  }

  async function lines(): Promise<(LedgerLine & { readonly by: string })[]> {
    const text = (await unlessMissing(readFile(join(ledger, 'lines.jsonl'), 'utf8'))) ?? '';
    return text
      .split('\n')
      .slice(0, -1)
      .map(line => JSON.parse(line));
  }

  return {
    url: join(folder, 'test'),
    environment(by) {
      const at = trap?.by === by ? { at: trap.at } : {};
      const settings: HookSettings = { by, folder, ledger, program: basename(SUPERVISOR), ...at };
      return {
        NODE_OPTIONS: `--import=${join(import.meta.dirname, 'hook.ts')}`,
        [HOOK_VARIABLE]: JSON.stringify(settings),
      };
    },
    points: async by =>
      (await lines()).flatMap(line => (line.kind === 'point' && line.by === by ? [line.what] : [])),
    async events() {
      const since = await Promise.all(
        (await lines()).map(async (line): Promise<StoredEvent[]> => {
          if (line.kind === 'point') return [];
          const { kind, by, key } = line;
          if (kind === 'delete') return [{ kind, key, by }];
          const bytes = await readFile(join(ledger, line.file));
          return [{ kind, key, by, bytes, digest: digestOf(bytes) }];
        }),
      );
      return [...before, ...since.flat()];
    },
    objects: async () => (await unlessMissing(readTree(folder))) ?? new Map(),
    async [Symbol.asyncDispose]() {
      // It goes with the folder of the session.
    },
  };
}
