import { hash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { MAX_FENCE_BYTES } from '../../src/journal/format/fence.ts';
import type { Conditions } from '../../src/store/conditions.ts';
import { AlreadyExistsError, ConditionRefusedError, type StoredObject } from '../../src/store/store.ts';
import type { StoreEvent } from '../proof/model.ts';

/** One object, as it was put. */
export interface Version {
  readonly body: Buffer;
  readonly digest: string;
  /** Differs with each put. */
  readonly id: string;
  /** By the store's clock. */
  readonly modifiedMs: number;
}

/** What S3 keeps, and promises of it. */
export interface Bucket {
  readonly events: readonly StoreEvent[];
  /** What was put last is read, always. */
  read(key: string): Version | undefined;
  /** @throws as `Store.put` does */
  put(key: string, body: Buffer, by: string, how: PutHow): Version;
  delete(key: string, by: string): void;
  /** @param lateMs what has happened since is not in it */
  list(prefix: string, startAfter: string | undefined, lateMs: number): StoredObject[];
  keys(): string[];
}

export interface PutHow {
  readonly ifAbsent: boolean;
  /** See `StoreEvent`. */
  readonly isLate: boolean;
}

export interface BucketOptions {
  readonly conditions: Conditions;
  /** How far the store's clock is ahead of the one that was right at the start. */
  readonly clockOffsetMs: number;
  /** Called before something is done that changes what is there. */
  readonly onEvent: (event: StoreEvent, body: Buffer | undefined) => void;
}

function fenceOf(body: Buffer): Pick<StoreEvent, 'fence'> {
  if (body.length > MAX_FENCE_BYTES || !body.subarray(0, 2).equals(GZIP)) return {};
  const tar = gunzipSync(body);
  if (!tar.includes('"fence":{')) return {};
  return { fence: tar.includes('"state":"ended"') ? 'ended' : 'open' };
}

const GZIP = Buffer.from([0x1f, 0x8b]);

export function createBucket({ conditions, clockOffsetMs, onEvent }: BucketOptions): Bucket {
  const started = Date.now();
  const history = new Map<string, { readonly atMs: number; readonly version: Version | undefined }[]>();
  const events: StoreEvent[] = [];
  let puts = 0;

  function change(event: StoreEvent, version: Version | undefined): void {
    onEvent(event, version?.body);
    events.push(event);
    const versions = history.get(event.key) ?? [];
    history.set(event.key, versions);
    versions.push({ atMs: performance.now(), version });
  }

  const read = (key: string) => history.get(key)?.at(-1)?.version;
  return {
    events,
    read,
    put(key, body, by, { ifAbsent, isLate }) {
      if (ifAbsent && conditions === 'refused')
        throw new ConditionRefusedError('the store takes no conditions', 'Put it without.');
      if (ifAbsent && conditions === 'honoured' && read(key) !== undefined)
        throw new AlreadyExistsError(`${key} is there already`);
      puts += 1;
      const digest = hash('sha1', body);
      const modifiedMs = Math.floor((started + clockOffsetMs + performance.now()) / 1_000) * 1_000;
      const version = { body: Buffer.from(body), digest, id: `v${puts}`, modifiedMs };
      change({ kind: 'put', key, by, digest, isLate, ...fenceOf(body) }, version);
      return version;
    },
    delete(key, by) {
      if (read(key) !== undefined) change({ kind: 'delete', key, by }, undefined);
    },
    list(prefix, startAfter = '', lateMs) {
      const untilMs = performance.now() - lateMs;
      const objects: StoredObject[] = [];
      for (const key of [...history.keys()].sort()) {
        if (!key.startsWith(prefix) || key <= startAfter) continue;
        const seen = history.get(key)?.findLast(({ atMs }) => atMs <= untilMs)?.version;
        if (seen !== undefined) objects.push({ key, bytes: seen.body.length, modifiedMs: seen.modifiedMs });
      }
      return objects;
    },
    keys: () => [...history.keys()].filter(key => read(key) !== undefined).sort(),
  };
}
