import * as v from 'valibot';

/*
 * session.json, format 1: what a session reports about itself, and a recovery about the session. Fields may be added
 * within the format; readers ignore those that they do not know.
 */

const Text = v.string();
const Count = v.number();

/** How a process ended, see process/exit-status.ts. */
const Exit = v.union([
  v.object({ code: v.number() }),
  v.object({ signal: v.string() }),
  v.object({ failedToStart: v.string() }),
]);

export const Skipped = v.object({ total: Count, first: v.array(v.object({ path: Text, why: Text })) });

const Child = v.object({
  name: Text,
  pid: v.optional(v.number()),
  exit: v.optional(Exit),
  text: Text,
  /** How long it ran, in milliseconds. */
  ms: v.optional(v.number()),
  stoppedBy: v.array(Text),
  outOfMemory: v.boolean(),
});

const People = v.object({
  peak: Count,
  dashboardPeak: v.optional(Count),
  firstJoinedMs: v.optional(v.number()),
  /** The sum over all people. */
  personMs: v.optional(v.number()),
  /** For how long there was at least one; missing in reports of earlier versions. */
  presentMs: v.optional(v.number()),
  changes: v.optional(
    v.array(v.object({ kind: v.picklist(['joined', 'left']), count: Count, atMs: v.number() })),
  ),
  changesForgotten: v.optional(Count),
});

/** A recovery reports where its archive is, its size and its digest; a session the rest as well. */
const Archive = v.object({
  key: Text,
  bytes: Count,
  url: v.optional(Text),
  sha256: v.optional(Text),
  verified: v.optional(v.boolean()),
  parts: v.optional(Count),
  files: v.optional(Count),
  directories: v.optional(Count),
  links: v.optional(Count),
  bytesIn: v.optional(Count),
  bytesOut: v.optional(Count),
  skipped: v.optional(Skipped),
  changed: v.optional(Skipped),
  tries: v.optional(Count),
  /** What has deflated it: ISA-L or zlib; missing where nothing has. */
  deflate: v.optional(v.picklist(['isal', 'zlib'])),
  ms: v.optional(v.number()),
  bytesPerSecond: v.optional(v.number()),
});

const Replaced = v.object({ key: Text, bytes: Count, sha256: v.optional(Text) });

const Journal = v.object({
  prefix: v.optional(Text),
  segments: v.optional(Count),
  bytes: v.optional(Count),
  failures: v.optional(Count),
  greatestLagMs: v.optional(v.number()),
});

const capped = <Item extends v.GenericSchema>(item: Item) => v.object({ total: Count, first: v.array(item) });

/** What is known of files that a recovery could not bring back as they were; of each kind the first are named. */
export const RecoveredFiles = v.object({
  /** They end early, by so many bytes at least. */
  truncated: capped(v.object({ path: Text, missingBytes: Count })),
  /** They are as they were before a change of which a part had been uploaded. */
  superseded: capped(Text),
  /** They were written to while they were read. */
  changedWhileRead: capped(Text),
  /** Bytes that stand in a file beside the one that they are of. */
  displaced: capped(v.object({ path: Text, of: Text, bytes: Count })),
  /** Nothing of them is there. */
  missing: capped(Text),
  /** Bytes that are not there, from one offset up to another. */
  gaps: capped(v.object({ path: Text, from: Count, to: Count })),
  /** Their time was beyond the year 275760, or as far before 1970; missing in reports of earlier versions. */
  nearestTime: v.optional(capped(Text)),
});

const REPORT = {
  format: v.literal(1),
  /** The session's name: its TIMESTAMP. */
  session: Text,
  /** The id of its run, a UUID; missing in reports of earlier versions. */
  run: v.optional(Text),
  /** What whoever launched it says of it: SESSION_LABELS. */
  labels: v.optional(v.record(Text, Text)),
  /** Why the session ended, with the fields of that reason, and a sentence for people. */
  end: v.looseObject({ by: Text, text: Text }),
  saved: v.picklist(['archive', 'journal', 'lost', 'nothing-to-save']),
  /** The command that makes the archive, where only the journal holds the session. */
  recover: v.optional(Text),
  exitCode: v.number(),
  startedAt: Text,
  endedAt: Text,
  phases: v.array(v.object({ phase: Text, ms: v.number() })),
  children: v.array(Child),
  /** Kills for lack of memory in the container, while the session lasted. */
  oomKills: v.optional(Count),
  server: v.optional(v.object({ version: v.optional(Text), protocol: v.optional(v.number()) })),
  serverOutput: v.optional(v.object({ tried: Text, why: Text })),
  people: v.optional(People),
  /** Personal data: only where SESSION_REPORT_NAMES asks for it. */
  names: v.optional(
    v.object({
      online: v.array(Text),
      stays: v.array(
        v.object({
          name: Text,
          stays: v.array(v.object({ joinedMs: v.number(), leftMs: v.optional(v.number()) })),
        }),
      ),
    }),
  ),
  /** Processes that outlived the children. */
  survivors: v.array(
    v.object({
      pid: v.number(),
      command: Text,
      killed: v.boolean(),
      /** The signals that it got; missing in reports of earlier versions. */
      stoppedBy: v.optional(v.array(Text)),
    }),
  ),
  /** What a process that was killed may not have written, each a sentence; missing in reports of earlier versions. */
  incomplete: v.optional(v.array(Text)),
  archive: v.optional(Archive),
  journal: v.optional(Journal),
  faults: v.array(Text),
  notices: v.array(Text),
  supervisor: v.object({ version: Text, commit: Text, node: Text }),
  /** The commit of the bot in the image; missing where the image does not tell. */
  droidlet: v.optional(Text),
  ecs: v.optional(v.record(Text, v.unknown())),
  // From here on: what a recovery reports.
  recovered: v.optional(v.boolean()),
  recoveredAt: v.optional(Text),
  /** What was written before this moment is in the archive, `problems` apart. */
  coveredUntil: v.optional(Text),
  complete: v.optional(v.boolean()),
  /** Files whose last bytes may be missing. */
  tailsMissing: v.optional(v.array(Text)),
  problems: v.optional(v.array(v.object({ segment: Text, why: Text }))),
  files: v.optional(RecoveredFiles),
  /** Files that were rebuilt and could not be packed. */
  notPacked: v.optional(Skipped),
  /** The one that the session itself had saved, which lacked what its journal held. */
  earlierArchive: v.optional(Archive),
  /** The journal holds what the archive may lack, and was not deleted. */
  journalKept: v.optional(v.boolean()),
  /** When somebody has put another archive in the place of the session's own, why, and which one that was. */
  amended: v.optional(v.array(v.object({ at: Text, why: Text, instead: Replaced }))),
} as const;

const Report = v.object(REPORT);

/** What a session reports. */
export type Report = Readonly<v.InferOutput<typeof Report>>;

/** A report as it was found: what is known of it, and all else as it is. */
export type FoundReport = Partial<Report> & Pick<Report, 'saved'> & Readonly<Record<string, unknown>>;

const Found = v.pipe(v.string(), v.parseJson(), v.looseObject({ saved: REPORT.saved }));

/**
 * Reads session.json. A field that is not as it should be is ignored, so that a report of another version still tells
 * what it can.
 * @returns undefined for what is no report at all.
 */
export function parseReport(text: string): FoundReport | undefined {
  const found = v.safeParse(Found, text);
  if (!found.success) return undefined;
  const isReadable = ([name, value]: [string, unknown]) => !isField(name) || v.is(REPORT[name], value);
  const fields = Object.fromEntries(Object.entries(found.output).filter(isReadable));
  return { ...fields, saved: found.output.saved };
}

const Newer = v.pipe(v.string(), v.parseJson(), v.object({ format: v.pipe(v.number(), v.gtValue(1)) }));

/** The format of a report that a later version wrote: fields may mean something else in it; undefined: it is known. */
export function newerFormatOf(text: string): number | undefined {
  const newer = v.safeParse(Newer, text);
  return newer.success ? newer.output.format : undefined;
}

function isField(name: string): name is keyof typeof REPORT {
  return Object.hasOwn(REPORT, name);
}

/** The bytes of session.json. */
export function formatReport(report: Partial<Report>): Buffer {
  return Buffer.from(`${JSON.stringify(report, undefined, 2)}\n`);
}
