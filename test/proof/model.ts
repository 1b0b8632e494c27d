/**
 * What must hold of a session's store, and of what is recovered from it, whatever was killed, cut off or refused, and
 * when. Facts go in; a sentence comes out for each that must not be. Nothing in here knows how the product does it.
 */

/** Files by their paths; undefined: known to be gone. */
export type Tree = ReadonlyMap<string, Buffer | undefined>;

/** What a store has acknowledged: paths, and what it had of them at some moment; a path may come several times. */
export type Durable = Iterable<readonly [path: string, bytes: Buffer | undefined]>;

/** One content that a path has had. */
export interface Content {
  /** undefined: there was no such file. */
  readonly bytes: Buffer | undefined;
  /** It was appended to: each beginning of it was once all of it. Other contents came whole. */
  readonly grows: boolean;
}

/** All contents that each path has had, oldest first. */
export type Written = ReadonlyMap<string, readonly Content[]>;

export interface Comparison {
  readonly faults: readonly string[];
  /** Recovered, or acknowledged by the store, and never written. */
  readonly wrongBytes: number;
  /** Durable, and not recovered. */
  readonly lostBytes: number;
}

/** Nothing that had been durable is lost, and nothing is there that was never written. */
export function compare(durable: Durable, recovered: Tree, written: Written): Comparison {
  const invented = [...durable, ...recovered].filter(([path, bytes]) => !placeOf(path, bytes, written));
  const lost = lacking(durable, recovered, written);
  return {
    faults: [...invented.map(([path]) => `${path} was never written so`), ...lost.map(({ why }) => why)],
    wrongBytes: sum(invented.map(([, bytes]) => bytes?.length ?? 0)),
    lostBytes: sum(lost.map(({ bytes }) => bytes)),
  };
}

/** At the moment when the first segment of a journal is deleted. */
export interface Deletion {
  readonly journal: string;
  /** What its segments have made durable. */
  readonly held: Durable;
  /** Each archive that the store has, unpacked. */
  readonly archives: readonly Tree[];
  /** A person has said that what cannot be read may be lost. */
  readonly isConsented: boolean;
}

/** Who may delete: whoever deletes a journal whose bytes are all in one archive at the store. */
export function judgeDeletion(deletion: Deletion, written: Written): readonly string[] {
  if (deletion.isConsented) return [];
  const { journal, held, archives } = deletion;
  if (archives.length === 0) return [`${journal} was deleted, and there is no archive`];
  const lacks = archives.map(archive => lacking(held, archive, written));
  const least = lacks.reduce((a, b) => (b.length < a.length ? b : a));
  return least.map(({ why }) => `${journal} was deleted, and of the archive ${why}`);
}

/** What the store did, in its order. */
export interface StoreEvent {
  readonly kind: 'put' | 'delete';
  readonly key: string;
  /** A session, or a recovery: one process. */
  readonly by: string;
  /** Of what was put. */
  readonly digest?: string;
  /** Whoever sent it had given it up, or was killed, before it arrived. */
  readonly isLate?: boolean;
  /** It is a fence; `ended`: an archive has all of the journal. */
  readonly fence?: 'open' | 'ended';
}

/**
 * Who may write. A segment never gets other bytes, and an archive never another process's. Segments follow each other
 * without a gap and come from one process, until another one puts the next of them: that is a fence, behind which those
 * who came before neither write nor delete. Nothing is added to a journal that is being deleted. One that was ended is
 * nobody's any more: all who have come to it may end and delete it at the same time. Where one was, what its writer had
 * sent may still arrive, and whoever finds that may fence it; nothing else is put there.
 */
export function judgeWrites(events: readonly StoreEvent[]): readonly string[] {
  const archives = new Map<string, StoreEvent>();
  const journals = new Map<string, JournalState>();
  return events.flatMap(event => {
    const { kind, key, by, digest } = event;
    const [, prefix, number] = SEGMENT.exec(key) ?? [];
    if (prefix !== undefined) {
      const journal = journals.get(prefix) ?? newJournal([]);
      journals.set(prefix, journal);
      if (kind === 'put') return join(journal, Number(number), event);
      const faults = leave(journal, Number(number), event);
      if (journal.there.size === 0) journals.set(prefix, newJournal([...journal.earlier, journal]));
      return faults;
    }
    if (kind === 'delete' || !key.endsWith('.tar.gz')) return [];
    const before = archives.get(key) ?? event;
    archives.set(key, event);
    const isOthers = before.by !== by && before.digest !== digest;
    return isOthers ? [`${by} replaced ${key}, which ${before.by} had put`] : [];
  });
}

const SEGMENT = /^(.*\/journal[^/]*)\/(\d+)\.tar\.gz$/;

interface JournalState {
  /** Of its segments, in their order. */
  readonly digests: (string | undefined)[];
  /** The numbers that have not been deleted. */
  readonly there: Set<number>;
  /** Those that were deleted. */
  readonly earlier: readonly JournalState[];
  /** Who has written to it: the last one owns it. */
  readonly owners: string[];
  isDying: boolean;
  isEnded: boolean;
}

function newJournal(earlier: JournalState['earlier']): JournalState {
  return { digests: [], there: new Set(), earlier, owners: [], isDying: false, isEnded: false };
}

function join(journal: JournalState, number: number, event: StoreEvent): string[] {
  const { key, by, digest, isLate, fence } = event;
  const { digests, owners, isDying, there, earlier } = journal;
  // Whoever was about to take, or to end, what is gone by now finds nothing there: all of it was saved, or it never was.
  const isFree = !there.has(number) && (fence !== undefined || !owners.includes(by));
  // Where it was deleted before it came, it is left over, whoever deletes it then.
  if (!(isLate && (isDying || earlier.length > 0))) there.add(number);
  // Where a journal was deleted there is nothing that a fence could take from somebody.
  if (fence !== undefined && earlier.length > 0) return [];
  if (number <= digests.length)
    return isFree || digests[number - 1] === digest ? [] : [`${by} put other bytes at ${key}`];
  const isWriter = earlier.some(each => each.owners.includes(by));
  if (isWriter && !isLate) return [`${by} wrote ${key}, and the journal is deleted`];
  const last = digests.length;
  digests[number - 1] = digest;
  journal.isEnded ||= fence === 'ended';
  if (isLate) return [];
  const isFenced = owners.slice(0, -1).includes(by);
  // Who takes it may go on with a deletion that was cut off.
  if (!owners.includes(by)) journal.isDying = false;
  if (owners.at(-1) !== by) owners.push(by);
  return [
    ...(number > last + 1 ? [`${key} follows number ${last}`] : []),
    ...(isFenced ? [`${by} wrote ${key} behind a fence`] : []),
    ...(journal.isDying && fence !== 'ended' ? [`${by} wrote ${key}, and the journal is being deleted`] : []),
  ];
}

function leave(journal: JournalState, number: number, { key, by }: StoreEvent): string[] {
  // What was never there, or is gone already, is deleted again by whoever goes on with it.
  if (!journal.there.delete(number)) return [];
  journal.isDying = true;
  const isFenced = journal.owners.slice(0, -1).includes(by);
  return isFenced && !journal.isEnded ? [`${by} deleted ${key} behind a fence`] : [];
}

/** A second recovery changes nothing. @param before the digest of each object @param after the same */
export function judgeRepetition(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): readonly string[] {
  const keys = new Set([...before.keys(), ...after.keys()]);
  return [...keys].filter(key => before.get(key) !== after.get(key)).map(key => `${key} was changed again`);
}

interface Loss {
  readonly why: string;
  readonly bytes: number;
}

/** Of each path what had been durable, and is not there: neither it nor anything that came after it. */
function lacking(durable: Durable, found: Tree, written: Written): readonly Loss[] {
  const worst = new Map<string, Loss>();
  for (const [path, bytes] of durable) {
    const had = placeOf(path, bytes, written);
    const has = placeOf(path, found.get(path), written) ?? NOWHERE;
    if (had === undefined || has.content > had.content) continue;
    if (has.content === had.content && has.bytes >= had.bytes) continue;
    const left = has.content === had.content ? has.bytes : 0;
    const why = `${path} has ${left} of the ${had.bytes} bytes that were durable`;
    const lost = had.bytes - left;
    if (lost >= (worst.get(path)?.bytes ?? 0)) worst.set(path, { why, bytes: lost });
  }
  return [...worst.values()];
}

interface Place {
  readonly content: number;
  readonly bytes: number;
}

/** A file that is not there before its first content. */
const NOWHERE: Place = { content: -1, bytes: 0 };

/** Which of a path's contents some bytes are, or begin: the latest; undefined: none. */
function placeOf(path: string, bytes: Buffer | undefined, written: Written): Place | undefined {
  const contents = written.get(path) ?? [];
  const content = contents.findLastIndex(known =>
    bytes === undefined || known.bytes === undefined
      ? bytes === known.bytes
      : (known.grows || known.bytes.length === bytes.length) &&
        known.bytes.subarray(0, bytes.length).equals(bytes),
  );
  if (content === -1) return bytes === undefined ? NOWHERE : undefined;
  return { content, bytes: bytes?.length ?? 0 };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, each) => all + each, 0);
}
