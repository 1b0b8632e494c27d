/** @module-tag slow */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { blocksOf } from '../support/page-commands.ts';
import { s3Environment } from '../support/s3-environment.ts';
import { startS3Server } from '../support/s3-server.ts';
import { openTypedShell, type TypedShell, testProgram, type } from './typed.ts';

const [define = '', remove = ''] = blocksOf('sh', 'docs/privacy.md', '## Delete a session');
const [search = '', replace = '', older = ''] = blocksOf(
  'sh',
  'docs/privacy.md',
  '## Take a person out of a session',
);

const NAME = '2026-11-22T11:26:36';
const PLACE = 'recordings/turk_interactions_with_agent';

/** As the AWS CLI answers of a bucket that keeps no versions, and is a folder here. */
const AWS = `
file() { case "$1" in s3://*) echo "$BUCKETS/\${1#s3://}";; *) echo "$1";; esac; }
case "$1 $2" in
  's3 cp') if [ "$4" = - ]; then cat "$(file "$3")"; else cp "$(file "$3")" "$(file "$4")"; fi;;
  's3api list-object-versions')
    [ "$3 $5 $7" = '--bucket --prefix --query' ] || exit 252
    case "$8" in
      'Versions[].[Key,VersionId]') cd "$BUCKETS/$4" && find . -type f -path "./$6*" -printf '%P\\tnull\\n';;
      *) echo None;;
    esac;;
  's3api delete-object') [ "$3 $5 $7 $8" = '--bucket --key --version-id null' ] && rm "$BUCKETS/$4/$6";;
  *) exit 252;;
esac`;

test('what deletes a session leaves nothing of it, and everything of another one', async () => {
  await using shell = await openTypedShell();
  await saveSession(shell, NAME);
  await saveSession(shell, `${NAME}0`);
  await type(define + remove, shell, { BUCKETS: shell.folder });
  expect(filesOf(shell)).toEqual([
    `.sessions/${NAME}0/archive-index.jsonl.gz`,
    `.sessions/${NAME}0/claim.json`,
    `.sessions/${NAME}0/session.json`,
    `${NAME}0/logs.tar.gz`,
  ]);
});

const AT = `s3://${PLACE}/${NAME}`;

test('what takes a person out of a session in a folder leaves the rest of it, and the name nowhere', async () => {
  await using shell = await openTypedShell();
  await saveSession(shell, NAME);
  // As whoever has a folder types it.
  const typed = (block: string) => block.replace(AT, join(shell.folder, PLACE, NAME));
  await takeOut(shell, typed, {});
  expect(filesOf(shell)).toEqual([
    `.sessions/${NAME}/archive-index.jsonl.gz`,
    `.sessions/${NAME}/claim.json`,
    `.sessions/${NAME}/session.json`,
    `${NAME}/logs.2.tar.gz`,
  ]);
  expectWithoutWalker(
    join(shell.folder, PLACE, NAME, 'logs.2.tar.gz'),
    readFileSync(join(shell.folder, PLACE, '.sessions', NAME, 'session.json'), 'utf8'),
  );
});

test('of a session in a bucket the same, as it is typed', async () => {
  await using shell = await openTypedShell();
  const s3 = await startS3Server({ buckets: ['recordings'] });
  onTestFinished(() => s3.close());
  const env = s3Environment(s3);
  await saveSession(shell, NAME, { ...env, SESSION_DESTINATION: `s3://${PLACE}` });
  await takeOut(shell, block => block, env);
  const keys = s3.objects('recordings').map(({ key }) => `recordings/${key}`);
  expect(keys.toSorted()).toEqual([
    `${PLACE}/.sessions/${NAME}/archive-index.jsonl.gz`,
    `${PLACE}/.sessions/${NAME}/claim.json`,
    `${PLACE}/.sessions/${NAME}/session.json`,
    `${PLACE}/${NAME}/logs.2.tar.gz`,
  ]);
  const read = async (key: string) => Buffer.from(await (await fetch(`${s3.url}/${key}`)).arrayBuffer());
  const archive = join(shell.folder, 'stored.tar.gz');
  writeFileSync(archive, await read(`${PLACE}/${NAME}/logs.2.tar.gz`));
  expectWithoutWalker(archive, `${await read(`${PLACE}/.sessions/${NAME}/session.json`)}`);
});

test('what deletes older versions deletes those of one session, its markers last, and nothing that is in force', async () => {
  await using shell = await openTypedShell();
  await saveSession(shell, NAME);
  const key = (path: string) => `turk_interactions_with_agent/${path}`;
  const versions = [
    ['older', key(`${NAME}/logs.tar.gz`), 'v1'],
    ['marker', key(`${NAME}/logs.tar.gz`), 'v2'],
    ['latest', key(`${NAME}/logs.2.tar.gz`), 'v3'],
    ['older', key(`.sessions/${NAME}/session.json`), 'v4'],
    ['latest', key(`.sessions/${NAME}/session.json`), 'v5'],
    ['older', key(`.sessions/${NAME}0/session.json`), 'v6'],
    ['older', key(`${NAME}0/logs.tar.gz`), 'v7'],
  ];
  writeFileSync(join(shell.folder, 'versions'), versions.map(row => `${row.join('\t')}\n`).join(''));
  await shell.install('aws', VERSIONED_AWS);
  await type(define + older, shell, { BUCKETS: shell.folder, VERSIONS: join(shell.folder, 'versions') });
  const deleted = readFileSync(join(shell.folder, 'versions.deleted'), 'utf8');
  expect(deleted.trimEnd().split('\n')).toEqual([
    `${key(`${NAME}/logs.tar.gz`)} v1`,
    `${key(`${NAME}/logs.tar.gz`)} v2`,
    `${key(`.sessions/${NAME}/session.json`)} v4`,
  ]);
});

/** As the AWS CLI answers of a bucket that keeps versions; what it deletes it writes down. */
const VERSIONED_AWS = `
case "$1 $2" in
  's3 cp') cat "$BUCKETS/\${3#s3://}";;
  's3api list-object-versions')
    [ "$3 $5 $7 $9" = '--bucket --prefix --query --output' ] || exit 252
    case "$8" in
      'Versions[?!IsLatest].[Key,VersionId]') kind=older;;
      'DeleteMarkers[].[Key,VersionId]') kind=marker;;
      *) exit 252;;
    esac
    found=$(awk -F '\t' -v kind="$kind" -v prefix="$6" '$1 == kind && index($2, prefix) == 1 { print $2 "\t" $3 }' "$VERSIONS")
    echo "\${found:-None}";;
  's3api delete-object') [ "$3 $5 $7" = '--bucket --key --version-id' ] && echo "$6 $8" >>"$VERSIONS.deleted";;
  *) exit 252;;
esac`;

/** Types the recipe, with what a person does between its blocks. */
async function takeOut(
  shell: TypedShell,
  typed: (block: string) => string,
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const { stdout } = await type(typed(search), shell, env);
  expect(stdout).toMatch(/^session\/players\.json\nedit or delete these files/m);
  expect(stdout).toMatch(/^would pack \d+ files.*\nwould delete .*\/logs\.tar\.gz$/m);
  const mended = `rm -r session; ${typed(search)}\nrm session/players.json\n`;
  const done = await type(mended + typed(replace), shell, env);
  expect(done.stderr).toMatch(/^1 session read, .*, no fault$/m);
  expect(existsSync(join(shell.folder, 'session'))).toBe(false);
}

function expectWithoutWalker(archive: string, report: string): void {
  const tar = (...args: string[]) => execFileSync('tar', args, { encoding: 'utf8' });
  expect(tar('-xzOf', archive, 'chat.log')).toBe('<player> hello\n');
  expect(tar('-tzf', archive).split('\n')).toEqual(expect.arrayContaining(['agent.log', 'supervisor.log']));
  expect(tar('-xzOf', archive)).not.toContain('Walker');
  expect(report).not.toContain('Walker');
  expect(JSON.parse(report)).toMatchObject({
    saved: 'archive',
    amended: [{ why: 'a participant withdrew', instead: { key: `${NAME}/logs.tar.gz` } }],
  });
}

/** A real session, in whose folder somebody of the name Walker has left traces. */
async function saveSession(
  shell: TypedShell,
  name: string,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  await shell.install('aws', AWS);
  const port = await freePort();
  const workdir = join(shell.folder, `work-${name}`);
  mkdirSync(workdir);
  writeFileSync(join(workdir, 'chat.log'), '<Walker> hello\n');
  writeFileSync(join(workdir, 'players.json'), '["Walker"]');
  await type('craftassist-session', shell, {
    TIMESTAMP: name,
    SESSION_WORKDIR: workdir,
    SESSION_DESTINATION: join(shell.folder, PLACE),
    SESSION_SERVER_ADDRESS: `127.0.0.1:${port}`,
    SESSION_SERVER_COMMAND: testProgram('server-ready', '--port', port),
    SESSION_AGENT_COMMAND: testProgram('agent-exits', 0, 0),
    SESSION_LOG_LEVEL: 'warn',
    SESSION_LABELS: '{"participant":"Walker"}',
    ...env,
  });
}

/** What is in the bucket, in the order of the names. */
function filesOf({ folder }: TypedShell): string[] {
  const found = readdirSync(join(folder, PLACE), { recursive: true, withFileTypes: true });
  const files = found.filter(entry => entry.isFile());
  return files.map(entry => join(entry.parentPath, entry.name).slice(join(folder, PLACE).length + 1)).sort();
}
