/** @module-tag slow */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { blocksOf } from '../support/page-commands.ts';
import { openTypedShell, type TypedShell, testProgram, type } from './typed.ts';

const [define = '', remove = ''] = blocksOf('sh', 'docs/privacy.md', '## Delete a session');
const [search = '', replace = ''] = blocksOf('sh', 'docs/privacy.md', '## Take a person out of a session');

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

test('what takes a person out of an archive leaves the rest of it, and the name nowhere', async () => {
  await using shell = await openTypedShell();
  await saveSession(shell, NAME);
  const { stdout } = await type(define + search, shell, { BUCKETS: shell.folder });
  expect(stdout).toMatch(/^session\/players\.json\nedit or delete these files/m);
  const mended = `rm -r session; ${search}\nrm session/players.json\n`;
  await type(define + mended + replace, shell, { BUCKETS: shell.folder });
  expect(filesOf(shell)).toEqual([`${NAME}/logs.tar.gz`]);
  const archive = join(shell.folder, PLACE, NAME, 'logs.tar.gz');
  const tar = (...args: string[]) => execFileSync('tar', args, { encoding: 'utf8' });
  expect(tar('-xzOf', archive, 'chat.log')).toBe('<player> hello\n');
  expect(tar('-tzf', archive).split('\n')).toEqual(expect.arrayContaining(['agent.log', 'supervisor.log']));
  expect(tar('-xzOf', archive)).not.toContain('Walker');
  expect(existsSync(join(shell.folder, 'session'))).toBe(false);
});

/** A real session, in whose folder somebody of the name Walker has left traces. */
async function saveSession(shell: TypedShell, name: string): Promise<void> {
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
  });
}

/** What is in the bucket, in the order of the names. */
function filesOf({ folder }: TypedShell): string[] {
  const found = readdirSync(join(folder, PLACE), { recursive: true, withFileTypes: true });
  const files = found.filter(entry => entry.isFile());
  return files.map(entry => join(entry.parentPath, entry.name).slice(join(folder, PLACE).length + 1)).sort();
}
