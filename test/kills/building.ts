import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { unlessMissing } from '../../src/files/errno.ts';
import { openBuildingSite } from '../support/building/open.ts';
import { createRandom } from '../support/random.ts';
import { s3Environment } from '../support/s3-environment.ts';
import { type S3Server, startS3Server } from '../support/s3-server.ts';
import { listSaved } from '../support/saved-files.ts';
import { openSessionFixture, program, type SessionFixture } from '../support/session.ts';
import { killSession } from './kill.ts';
import { unpack } from './unpack.ts';
import { describeUploads, slowestUploadMs } from './uploads.ts';

/** How one session is played and killed in which somebody builds. */
export interface BuildingPlan {
  readonly blockEveryMs: number;
  readonly livesMs: number;
}

export interface BuildingResult {
  readonly faults: readonly string[];
  readonly log: string;
  readonly placed: number;
  readonly recovered: number;
  readonly damagedChunks: number;
  /** The age of the oldest block that is missing, when everything was killed. */
  readonly missingMs: number;
  readonly allowedMs: number;
  /** The bytes of the journal. */
  readonly storedBytes: number;
}

/** The defaults of a session with Cuberite: both are what the test is about. */
const SAVE_MS = 10_000;
const INTERVAL_MS = 2_000;
/** A tick, saving, scanning and packing, on a machine that has other things to do. */
const SLACK_MS = 1_000;

export function buildingPlan(seed: number, index: number): BuildingPlan {
  const random = createRandom(seed * 1_000_003 + index);
  return { blockEveryMs: random.pick([20, 50, 200]), livesMs: random.between(8_000, 36_000) };
}

export function describeBuilding({ blockEveryMs, livesMs }: BuildingPlan): string {
  return `a block every ${blockEveryMs} ms, killed after ${livesMs} ms`;
}

/** Runs one session with somebody who builds, kills everything, recovers, and looks at the world. */
export async function runBuilding({ blockEveryMs, livesMs }: BuildingPlan): Promise<BuildingResult> {
  await using fixture = await openSessionFixture();
  const s3 = await startS3Server({ accessKeys: [randomUUID()] });
  await using site = await openBuildingSite(blockEveryMs);
  try {
    const marker = randomUUID();
    const session = fixture.start({
      ...s3Environment(s3),
      SESSION_SERVER_COMMAND: undefined,
      ...site.environment,
      SESSION_AGENT_COMMAND: program('agent-runs'),
      SESSION_JOURNAL_INTERVAL: `${INTERVAL_MS}ms`,
      KILLS_SESSION: marker,
    });
    await session.logged('"event":"process_started","child":"agent"');
    await site.join(fixture.port);
    await setTimeout(livesMs);
    const killedAtMs = await killSession(session, `KILLS_SESSION=${marker}`, dirname(fixture.workdir));
    const uploadMs = slowestUploadMs(s3.requests, killedAtMs);
    const storedBytes = s3.objects().reduce((sum, { bytes }) => sum + bytes, 0);
    const log = `${session.stdout()}${describeUploads(s3.requests, killedAtMs)}`;
    const truth = await site.placed();
    const { folder, recoveryLog } = await recover(fixture, s3);
    const path = join(folder, 'cuberite/world/region/r.0.0.mca');
    const { blocks, damagedChunks } = site.read((await unlessMissing(readFile(path))) ?? Buffer.alloc(0));
    const there = new Set(blocks);
    const missing = truth.filter(([number, atMs]) => !there.has(number) && atMs <= killedAtMs);
    const missingMs = Math.max(0, ...missing.map(([, atMs]) => killedAtMs - atMs));
    // A save, the scan after it, and its upload.
    const allowedMs = SAVE_MS + Math.max(INTERVAL_MS, uploadMs) + uploadMs + SLACK_MS;
    return {
      faults: [
        ...(damagedChunks === 0 ? [] : [`${damagedChunks} chunks are damaged`]),
        ...(missingMs <= allowedMs ? [] : [`misses ${missingMs} ms of at most ${Math.round(allowedMs)}`]),
      ],
      log: `${log}${recoveryLog}`,
      ...{ placed: truth.length, recovered: blocks.length, damagedChunks, missingMs, allowedMs, storedBytes },
    };
  } finally {
    await s3.close();
  }
}

async function recover(fixture: SessionFixture, s3: S3Server) {
  const recovery = fixture.start(s3Environment(s3), 'recover', '--force', 's3://bucket/sessions/test');
  const { code } = await recovery.ended();
  const recoveryLog = `${recovery.stdout()}${recovery.stderr()}`;
  const [archive] = (await listSaved(fixture.sessions, s3)).archives;
  if (archive === undefined)
    throw new Error(`recover ended with ${code}, without an archive: ${recoveryLog}`);
  const folder = join(dirname(fixture.workdir), 'recovered');
  await unpack(archive, folder);
  return { folder, recoveryLog };
}

export function summariseBuilding(results: readonly BuildingResult[], seed: number): string {
  const sum = (count: (result: BuildingResult) => number) =>
    results.reduce((all, each) => all + count(each), 0);
  const ages = results.map(({ missingMs }) => missingMs).sort((a, b) => a - b);
  const seconds = (ms = 0) => `${(ms / 1_000).toFixed(1)} s`;
  return [
    `${results.length} kills of a world that is built, seed ${seed}: ${sum(each => each.placed)} blocks placed`,
    `${sum(each => each.recovered)} recovered`,
    `${sum(each => each.damagedChunks)} chunks damaged`,
    `oldest missing block ${seconds(ages.at(-1))} (median ${seconds(ages[Math.floor(ages.length / 2)])})`,
    `${(sum(each => each.storedBytes) / results.length / 1e6).toFixed(2)} MB of journal each`,
  ].join(', ');
}
