import { mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { unlessMissing } from '../../src/files/errno.ts';
import { SUPERVISOR } from '../support/built.ts';
import { readTree } from '../support/known-files.ts';
import { HOOK_VARIABLE, type HookSettings, type LedgerLine, ledgerIn, readLedger } from './ledger.ts';
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
  const ledger = ledgerIn(parent);
  await mkdir(ledger);
  const last = new Map(before.map(event => [event.key, event]));
  for (const { key, bytes } of last.values()) {
    if (bytes === undefined) continue;
    await mkdir(dirname(join(folder, key)), { recursive: true });
    await writeFile(join(folder, key), bytes);
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
      (await readLedger(ledger)).flatMap(line =>
        line.kind === 'point' && line.by === by ? [line.point] : [],
      ),
    events: async () => [...before, ...eventsIn(await readLedger(ledger))],
    objects: async () => (await unlessMissing(readTree(folder))) ?? new Map(),
    async [Symbol.asyncDispose]() {
      // It goes with the folder of the session.
    },
  };
}

/**
 * What is put and deleted, as whoever reads the folder sees it: a part is no object yet. Two processes may write parts of
 * one name, of which the later one has the name.
 */
function eventsIn(lines: readonly LedgerLine[]): readonly StoredEvent[] {
  const written = new Map<string, Buffer>();
  const named = new Map<string, string>();
  const calls = lines.filter(line => line.kind === 'call').sort((a, b) => a.begunNs - b.begunNs);
  return calls.flatMap(({ by, call }): StoredEvent[] => {
    const { kind, path: key } = call;
    if (kind === 'create') named.set(key, `${by} ${call.file}`);
    if (kind === 'write') {
      const file = `${by} ${call.file}`;
      written.set(file, Buffer.concat([written.get(file) ?? Buffer.alloc(0), call.bytes]));
    }
    if (key.endsWith('.part')) return [];
    if (kind === 'unlink') return [{ kind: 'delete', key, by }];
    if (kind !== 'link' && kind !== 'rename') return [];
    const bytes = written.get(named.get(call.from) ?? '') ?? Buffer.alloc(0);
    return [{ kind: 'put', key, by, bytes, digest: digestOf(bytes) }];
  });
}
