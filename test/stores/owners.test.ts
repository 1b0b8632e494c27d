import { expect } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { savedAs } from '../support/saved-files.ts';
import { program } from '../support/session.ts';
import { test } from '../support/session-test.ts';
import type { Account } from './start/store.ts';
import { awsVariables, createBucket } from './support.ts';

test('on Ceph, a session that the bucket’s owner may not read does not keep others from being recovered', async ({
  fixture,
}) => {
  const bucket = await createBucket('ceph');
  await bucket.admitSession();
  const { url, owner, session } = bucket.store;
  const start = (name: string, account: Account, ...args: string[]) =>
    fixture.start(
      {
        TIMESTAMP: name,
        SESSION_DESTINATION: `s3://${bucket.name}/sessions`,
        SESSION_S3_PATH_STYLE: '1',
        SESSION_JOURNAL_INTERVAL: '100ms',
        SESSION_AGENT_COMMAND: program('agent-counts'),
        ...awsVariables(url, account),
      },
      ...args,
    );
  for (const [name, account] of [
    ['a-foreign', session],
    ['own', owner],
  ] as const) {
    start(name, account);
    const { journal } = savedAs(name);
    await eventually(async () =>
      (await bucket.keys()).some(key => key.startsWith(`sessions/${journal}`) && key.endsWith('.tar.gz')),
    );
    await fixture.killAll();
  }

  const recovery = start('any', owner, 'recover', '--all', '--force', `s3://${bucket.name}/sessions`);
  const { code } = await recovery.ended();
  expect(await bucket.keys()).toContain(`sessions/${savedAs('own').archive}`);
  expect(code).not.toBe(0);
  expect(recovery.stdout() + recovery.stderr()).toContain('a-foreign');
});
