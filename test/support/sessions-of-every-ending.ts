import { seal, unseal } from '../../src/journal/format/sealed.ts';
import { eventually } from './eventually.ts';
import { s3Environment } from './s3-environment.ts';
import { startS3Server } from './s3-server.ts';
import { openSessionFixture, program } from './session.ts';

/** One object of a session, below its destination. */
export interface SessionObject {
  readonly key: string;
  readonly body: Buffer;
  readonly modifiedMs: number;
}

/** All objects of one session. */
export type SessionObjects = readonly SessionObject[];

type Ending = {
  readonly env?: Readonly<Record<string, string>>;
  /** A test program as the server, which is given its port. */
  readonly server?: string;
  /** It is killed once its journal has something. */
  readonly isKilled?: true;
  readonly isRecovered?: true;
  /** The store does not take its archive. */
  readonly isArchiveRefused?: true;
};

const JOURNAL = { SESSION_JOURNAL_INTERVAL: '100ms' };
const KILLED = {
  env: { ...JOURNAL, SESSION_AGENT_COMMAND: program('agent-runs') },
  isKilled: true,
} as const;

/** What is really played, once. */
const PLAYED = {
  saved: {},
  failed: { env: { SESSION_AGENT_COMMAND: program('agent-exits', 3) } },
  neverReady: { server: 'server-never', env: { SESSION_READY_TIMEOUT: '300ms' } },
  ofExperiment: { env: { TURK_EXPERIMENT_ID: '4711' } },
  killed: KILLED,
  recovered: { ...KILLED, isRecovered: true },
  inJournal: { env: { ...JOURNAL, SESSION_SAVE_TIMEOUT: '1s' }, isArchiveRefused: true },
  lost: { env: { SESSION_SAVE_TIMEOUT: '1s' }, isArchiveRefused: true },
} as const satisfies Readonly<Record<string, Ending>>;

/** What is left of those when something of them is gone, or was changed. */
const CHANGED = {
  claimOnly: { of: 'saved', keep: /claim\.json$/ },
  archiveOnly: { of: 'ofExperiment', keep: /logs\.tar\.gz$/ },
  archiveGone: { of: 'saved', keep: /\.json$/ },
  archiveCut: { of: 'saved', keep: /./, change: [/logs\.tar\.gz$/, (body: Buffer) => body.subarray(1)] },
  damaged: { of: 'recovered', keep: /./, change: [/session\.json$/, withProblem] },
  reportCut: { of: 'saved', keep: /./, change: [/session\.json$/, (body: Buffer) => body.subarray(0, 100)] },
  reportNewer: { of: 'saved', keep: /./, change: [/session\.json$/, withNewerFormat] },
} as const satisfies Readonly<Record<string, Change>>;

interface Change {
  readonly of: keyof typeof PLAYED;
  readonly keep: RegExp;
  readonly change?: readonly [key: RegExp, change: (body: Buffer) => Buffer];
}

/** How sessions of the tests end, by name. */
export type EndingName = keyof typeof PLAYED | keyof typeof CHANGED;

/** Plays a session of each ending with programs in place of a server and an agent. */
export async function playEveryEnding(): Promise<Record<EndingName, SessionObjects>> {
  let isArchiveRefused = false;
  await using s3 = await startDisposable(() => isArchiveRefused);
  const found: [string, SessionObjects][] = [];
  for (const [index, [name, ending]] of Object.entries<Ending>(PLAYED).entries()) {
    isArchiveRefused = ending.isArchiveRefused === true;
    // Their names differ by a millisecond, so that none of a thousand copies has another's.
    const session = `2026-11-01T10:00:00.${String(index).padStart(3, '0')}Z`;
    await play(ending, session, s3.url, () => s3.objects().map(({ key }) => key));
    found.push([name, await objectsOf(session, s3)]);
  }
  const played = Object.fromEntries(found) as Record<keyof typeof PLAYED, SessionObjects>;
  const changed = Object.entries<Change>(CHANGED).map(([name, change], index) => {
    const copy = shifted(played[change.of], (index + 1) * 10);
    return [name, applied(change, copy)];
  });
  return { ...played, ...Object.fromEntries(changed) };
}

async function play(ending: Ending, session: string, url: string, keys: () => string[]): Promise<void> {
  await using fixture = await openSessionFixture();
  const { env, server, isKilled, isRecovered } = ending;
  const store = s3Environment({ url });
  const program_ =
    server === undefined ? {} : { SESSION_SERVER_COMMAND: program(server, '--port', fixture.port) };
  const supervisor = fixture.start({ ...store, TIMESTAMP: session, ...program_, ...env });
  if (isKilled) {
    await eventually(() => keys().some(key => key.includes(`${session}/journal/status.json`)));
    supervisor.signal('SIGKILL');
  }
  await supervisor.ended();
  if (!isRecovered) return;
  const recovery = fixture.start(store, 'recover', '--force', `s3://bucket/sessions/${session}`);
  const { code } = await recovery.ended();
  if (code !== 0) throw new Error(`it was not recovered: ${recovery.stderr()}`);
}

async function startDisposable(isArchiveRefused: () => boolean) {
  const server = await startS3Server({
    gate: ({ key }) => !(isArchiveRefused() && key.endsWith('logs.tar.gz')),
  });
  return Object.assign(server, { [Symbol.asyncDispose]: () => server.close() });
}

async function objectsOf(
  session: string,
  { url, objects }: Pick<Awaited<ReturnType<typeof startS3Server>>, 'url' | 'objects'>,
): Promise<SessionObjects> {
  const own = objects().filter(({ key }) => key.includes(session));
  return Promise.all(
    own.map(async ({ key, modified }) => ({
      key: key.replace(/^sessions\//, ''),
      body: Buffer.from(await (await fetch(`${url}/bucket/${encodeURI(key)}`)).arrayBuffer()),
      modifiedMs: modified.getTime(),
    })),
  );
}

/** The same session so much later: its name, its times, and all that tells of them. */
function shifted(objects: SessionObjects, byMs: number): SessionObjects {
  const shift = (text: string) =>
    text.replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, time =>
      new Date(Date.parse(time) + byMs).toISOString(),
    );
  return objects.map(({ key, body, modifiedMs }) => ({
    key: shift(key),
    body: shiftBody(key, body, shift),
    modifiedMs: modifiedMs + byMs,
  }));
}

function shiftBody(key: string, body: Buffer, shift: (text: string) => string): Buffer {
  if (!key.endsWith('.json')) return body;
  const text = body.toString();
  if (!text.includes('"seal":"')) return Buffer.from(shift(text));
  const { seal: _, ...value } = JSON.parse(shift(JSON.stringify(unseal(text))));
  return Buffer.from(seal(value));
}

function applied({ keep, change }: Change, objects: SessionObjects): SessionObjects {
  return objects
    .filter(({ key }) => keep.test(key))
    .map(object => (change?.[0].test(object.key) ? { ...object, body: change[1](object.body) } : object));
}

function withProblem(report: Buffer): Buffer {
  const problems = [{ segment: '00000002.tar.gz', why: 'it is damaged: CRC error' }];
  return Buffer.from(JSON.stringify({ ...JSON.parse(report.toString()), problems, journalKept: true }));
}

function withNewerFormat(report: Buffer): Buffer {
  const { end: _, ...known } = JSON.parse(report.toString());
  return Buffer.from(JSON.stringify({ ...known, format: 2, end: { because: 'of something new' } }));
}

/** So many sessions of all endings in turn, each a minute after the one before. */
export function* multiplied(
  endings: Readonly<Record<string, SessionObjects>>,
  count: number,
): Generator<SessionObject> {
  const all = Object.values(endings);
  for (let n = 0; n < count; n += 1) yield* shifted(all[n % all.length] ?? [], n * 60_000 - count * 60_000);
}
