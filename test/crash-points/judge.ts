import { compare, type Deletion, type Durable, judgeDeletion, judgeWrites } from '../proof/model.ts';
import { lineTimes, writtenIn } from '../support/known-files.ts';
import { type DurableFacts, readDurable } from './durable.ts';
import type { StoredEvent } from './place.ts';
import { SESSION } from './scenarios.ts';
import type { Remains } from './world.ts';

export interface Judgement {
  readonly faults: readonly string[];
  readonly wrongBytes: number;
  /** Of what had been durable. */
  readonly lostBytes: number;
  /** From the last line that was recovered to the last that was durable. */
  readonly lostMs: number;
  /** From the last line that was recovered to the last that was written. */
  readonly ageMs: number;
}

/** What is judged by its age. */
const LOG = 'grown.log';

/** @param remains after everything was recovered */
export async function judge({ events, workdir }: Remains, scratch: string): Promise<Judgement> {
  const written = writtenIn(workdir);
  const facts = await readDurable(events, scratch);
  const durable = [...facts.ofSegments.values(), ...facts.ofArchives.values()].flatMap(each => [...each]);
  const archives = archivesAt(events, facts, events.length);
  const recovered = archives.get(namedIn(events) ?? '') ?? new Map<string, Buffer>();
  const { faults, ...bytes } = compare(durable, recovered, written);
  const durableTimes = durable.flatMap(([path, log]) => (path === LOG ? lineTimes(log) : []));
  const times = lineTimes(recovered.get(LOG));
  const [firstMs = 0] = durableTimes;
  const lastMs = times.at(-1) ?? firstMs;
  return {
    faults: [
      ...faults,
      ...secondArchives(archives.keys(), events),
      ...judgeWrites(events),
      ...deletionsIn(events, facts).flatMap(deletion => judgeDeletion(deletion, written)),
    ],
    ...bytes,
    lostMs: Math.max(0, ...durableTimes.map(atMs => atMs - lastMs)),
    ageMs: lastMs === 0 ? 0 : (lineTimes(workdir.get(LOG)).at(-1) ?? lastMs) - lastMs,
  };
}

/** The archive that the session's report names, for whoever looks for it. */
function namedIn(events: readonly StoredEvent[]): string | undefined {
  const report = events.findLast(({ kind, key }) => kind === 'put' && key.endsWith('/session.json'));
  return report?.bytes === undefined ? undefined : JSON.parse(report.bytes.toString()).archive?.key;
}

/**
 * A recovery may find a session's own archive, of which nobody has said that it is whole; but one of its own is enough,
 * of each journal that the session has begun.
 */
function secondArchives(keys: Iterable<string>, events: readonly StoredEvent[]): readonly string[] {
  const own = [...keys].filter(key => events.find(event => event.key === key)?.by !== SESSION);
  const journals = new Set(events.flatMap(({ key }) => journalOf(key) ?? []));
  return own.length > journals.size ? [`recoveries have made ${own.join(' and ')}`] : [];
}

/** The journal that a key is a segment of. */
function journalOf(key: string): string | undefined {
  return /^(.*\/journal[^/]*)\/\d+\.tar\.gz$/.exec(key)?.[1];
}

/** Those that were at the store before the n-th event. */
function archivesAt(events: readonly StoredEvent[], { ofArchives }: DurableFacts, n: number) {
  const last = new Map(events.slice(0, n).map(event => [event.key, event]));
  return new Map(
    [...last].flatMap(([key, event]) => {
      const tree = ofArchives.get(event);
      return tree === undefined ? [] : [[key, tree] as const];
    }),
  );
}

function deletionsIn(events: readonly StoredEvent[], facts: DurableFacts): readonly Deletion[] {
  const seen = new Set<string>();
  return events.flatMap(({ kind, key }, index) => {
    const journal = journalOf(key);
    if (kind === 'put' || journal === undefined || seen.has(journal)) return [];
    seen.add(journal);
    const before = events.slice(0, index).filter(event => event.key.startsWith(`${journal}/`));
    const held: Durable = before.flatMap(event => [...(facts.ofSegments.get(event) ?? [])]);
    return [{ journal, held, archives: [...archivesAt(events, facts, index).values()], isConsented: false }];
  });
}
