import { spawnSync } from 'node:child_process';

/*
 * The programs that have read this project's sessions for years, as far as they look at where things lie: each was read
 * in facebookresearch/fairo, and is told again in a few lines. What those throw, these throw.
 */

/** An object of a bucket. */
export interface SavedObject {
  readonly key: string;
  readonly content: Buffer;
}

/** dashboard_aws_helper.py, get_interaction_sessions_by_id: the sessions of a batch, for the dashboard's list. */
export function listSessions(objects: readonly SavedObject[], batch: string): string[] {
  const prefix = `${batch}/interaction/`;
  return below(objects, prefix).map(({ key }) => key.slice(prefix.length, indexOf(key, '/logs.tar.gz')));
}

/** dashboard_aws_helper.py, get_job_list: the batches of the bucket, out of the folders at its top. */
export function listBatches(objects: readonly SavedObject[]): number[] {
  const folders = new Set(
    objects.filter(({ key }) => key.includes('/')).map(({ key }) => key.split('/')[0] ?? ''),
  );
  return [...folders].filter(name => BATCH_ID.test(name)).map(toInt);
}

const BATCH_ID = /^\d{4}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:2[0-3]|[01]\d)[0-5]\d[0-5]\d/;

/** log_jobs.py: each object of a batch is opened as an archive. @returns its names */
export function openAll(
  objects: readonly SavedObject[],
  batch: string,
): ReadonlyMap<string, readonly string[]> {
  return new Map(below(objects, `${batch}/interaction`).map(({ key, content }) => [key, namesIn(content)]));
}

/**
 * process_s3_logs.py, read_s3_bucket and read_turk_logs: after `aws s3 sync` of a prefix, archives are those that lie
 * one folder down, and the commands of each are in a file at its top.
 * @returns the content of nsp_outputs.csv by the name of that folder
 */
export function syncAndCollect(objects: readonly SavedObject[], prefix: string): ReadonlyMap<string, string> {
  const synced = below(objects, `${prefix}/`).map(({ key, content }) => ({
    path: key.slice(prefix.length + 1),
    content,
  }));
  return new Map(
    synced.flatMap(({ path, content }) => {
      const [, session] = /^([^/]+)\/logs\.tar\.gz$/.exec(path) ?? [];
      return session === undefined ? [] : [[session, fileIn(content, 'nsp_outputs.csv')] as const];
    }),
  );
}

/** The static annotation task: every session of an experiment, which is a number. @returns experiment and session */
export function listExperiments(
  objects: readonly SavedObject[],
): (readonly [experiment: string, session: string])[] {
  return below(objects, 'turk_interactions_with_agent/turk/').map(({ key }) => {
    const [, experiment, session] = /^[^/]+\/turk\/(\d+)\/([^/]+)\/logs\.tar\.gz$/.exec(key) ?? [];
    if (experiment === undefined || session === undefined)
      throw new Error(`${key} is not the key of an archive`);
    return [experiment, session] as const;
  });
}

/** A file at the top of an archive. @throws when there is none */
export function fileIn(archive: Buffer, name: string): string {
  return tar(['-xzOf', '-', name], archive);
}

function namesIn(archive: Buffer): string[] {
  return tar(['-tzf', '-'], archive).trimEnd().split('\n');
}

function tar(args: readonly string[], input: Buffer): string {
  const { status, stdout, stderr } = spawnSync('tar', args, { input, encoding: 'utf8', maxBuffer: 2 ** 26 });
  if (status !== 0) throw new Error(`tar ${args.join(' ')}: ${stderr}`);
  return stdout;
}

function below(objects: readonly SavedObject[], prefix: string): SavedObject[] {
  return objects.filter(({ key }) => key.startsWith(prefix));
}

/** As Python's str.index: what is not there is an error. */
function indexOf(text: string, part: string): number {
  const at = text.indexOf(part);
  if (at < 0) throw new Error(`substring not found: ${part} in ${text}`);
  return at;
}

/** As Python's int: what is more than digits is an error. */
function toInt(text: string): number {
  if (!/^\d+$/.test(text)) throw new Error(`invalid literal for int(): ${text}`);
  return Number(text);
}
