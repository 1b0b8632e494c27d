import { gunzipSync } from 'node:zlib';
import {
  compare,
  judgeDeletion,
  judgeRepetition,
  judgeWrites,
  type StoreEvent,
  type Tree,
} from '../proof/model.ts';
import type { Bucket } from './bucket.ts';
import type { Workdir } from './workdir.ts';

/** Watches a run, and says what must not be: see test/proof/model.ts. */
export interface Judge {
  readonly faults: string[];
  /** Bytes that were recovered, or saved, and compared with what was written. */
  comparedBytes(): number;
  wrongBytes(): number;
  /** The session says that the journal, or the archive, holds all that there is. */
  saidToHave(where: 'archive' | 'journal'): void;
  /** To be told before it is done. @param body of what is put */
  before(event: StoreEvent, body: Buffer | undefined): void;
  /** When all has come to rest. */
  end(): void;
  /** After one more recovery. @param before what `digests` was before that */
  repeated(before: ReadonlyMap<string, string>): void;
  digests(): Map<string, string>;
}

interface Claim {
  readonly coveredUntil: string;
  /** Files that are known to have changed since. */
  readonly waiting: { readonly paths: readonly string[] };
}

const SEGMENT = /^(.*\/journal[^/]*)\/\d+\.tar\.gz$/;

/** @param isOurs whether a key is not another session's */
export function createJudge(bucket: () => Bucket, workdir: Workdir, isOurs: (key: string) => boolean): Judge {
  const { written } = workdir;
  const faults: string[] = [];
  const unpacked = new Map<string, Tree>();
  /** What each journal holds of each path, as its session says. */
  const held = new Map<string, { untilMs: number; readonly tree: Map<string, Buffer | undefined> }>();
  const dying = new Set<string>();
  let prefix: string | undefined;
  let [comparedBytes, wrongBytes] = [0, 0];

  function hold(journal: string, untilMs: number, waiting: readonly string[]): void {
    const known = held.get(journal) ?? { untilMs: 0, tree: new Map<string, Buffer | undefined>() };
    held.set(journal, known);
    if (untilMs < known.untilMs) return;
    known.untilMs = untilMs;
    for (const [path, bytes] of workdir.before(untilMs))
      if (!waiting.includes(path)) known.tree.set(path, bytes);
  }

  /** What a session says that its journal holds, by which a recovery tells what it lacks. */
  function listen(key: string, body: Buffer): void {
    const [, journal, name] = /^(.*\/journal[^/]*)\/(.*)$/.exec(key) ?? [];
    if (journal === undefined) return;
    prefix = journal;
    const json = name === 'status.json' ? body : unpack(body).get('journal.json');
    const said: Claim | { readonly fence: unknown } = JSON.parse(String(json));
    if ('fence' in said) return;
    const { coveredUntil, waiting } = said;
    hold(journal, workdir.momentOf(Date.parse(coveredUntil)), waiting.paths);
  }

  const digests = () =>
    new Map(
      bucket()
        .keys()
        .map(key => [key, bucket().read(key)?.digest ?? '']),
    );

  const archiveKeys = () =>
    bucket()
      .keys()
      .filter(key => isArchive(key) && isOurs(key));

  function archives(): Tree[] {
    return archiveKeys().flatMap(key => {
      const version = bucket().read(key);
      if (version === undefined) return [];
      const tree = unpacked.get(version.digest) ?? unpack(version.body);
      unpacked.set(version.digest, tree);
      return [tree];
    });
  }

  /** What is in one archive, all of it. */
  function expectSaved(tree: Tree, why: string): void {
    const lacks = archives().map(archive => compare(certain(tree), archive, written).faults);
    const [least = ['there is no archive']] = lacks.sort((a, b) => a.length - b.length);
    faults.push(...least.map(fault => `${why}: ${fault}`));
  }

  /** Of a file that has gone more than once the model cannot tell which time is durable. */
  function certain(tree: Tree): Tree {
    const times = (path: string) => written.get(path)?.filter(({ bytes }) => bytes === undefined).length;
    return new Map([...tree].filter(([path, bytes]) => bytes !== undefined || times(path) === 1));
  }

  return {
    faults,
    comparedBytes: () => comparedBytes,
    wrongBytes: () => wrongBytes,

    saidToHave(where) {
      if (where === 'archive') expectSaved(workdir.before(Number.POSITIVE_INFINITY), 'said to be saved');
      else if (prefix !== undefined) hold(prefix, Number.POSITIVE_INFINITY, []);
    },

    before({ kind, key, by }, body) {
      if (body !== undefined && by === 'session') listen(key, body);
      const [, journal] = SEGMENT.exec(key) ?? [];
      if (journal === undefined || kind === 'put' || dying.has(journal)) return;
      dying.add(journal);
      const tree = certain(held.get(journal)?.tree ?? new Map());
      const deletion = { journal, held: tree, archives: archives(), isConsented: false };
      faults.push(...judgeDeletion(deletion, written));
    },

    end() {
      faults.push(...judgeWrites(bucket().events.filter(({ key }) => isOurs(key))));
      for (const archive of archives()) {
        const found = compare(new Map(), archive, written);
        faults.push(...found.faults);
        wrongBytes += found.wrongBytes;
        comparedBytes += [...archive.values()].reduce((sum, bytes) => sum + (bytes?.length ?? 0), 0);
      }
      for (const [journal, { tree }] of held)
        if (certain(tree).size > 0) expectSaved(tree, `durable in ${journal}`);
      const left = bucket()
        .keys()
        .filter(key => SEGMENT.test(key) && !isFence(bucket().read(key)?.body));
      if (left.length > 0) faults.push(`${left.join(', ')} are left`);
    },

    repeated: before => void faults.push(...judgeRepetition(before, digests())),
    digests,
  };
}

function isFence(object: Buffer | undefined): boolean {
  return object !== undefined && 'fence' in JSON.parse(String(unpack(object).get('journal.json')));
}

function isArchive(key: string): boolean {
  return key.endsWith('.tar.gz') && !SEGMENT.test(key);
}

/** The files of an archive, by a reader that knows nothing of the product's. */
function unpack(archive: Buffer): Tree {
  const tar = gunzipSync(archive);
  const tree = new Map<string, Buffer>();
  const text = (at: number, bytes: number) => tar.toString('latin1', at, at + bytes).replace(/\0.*$/s, '');
  for (let at = 0; tar[at] !== 0; ) {
    const size = Number.parseInt(text(at + 124, 12), 8);
    const type = text(at + 156, 1);
    if (type !== '0' && type !== '5') throw new Error(`an entry of type ${type}`);
    if (type === '0') tree.set(text(at, 100), tar.subarray(at + 512, at + 512 + size));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return tree;
}
