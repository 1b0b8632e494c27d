/** @module-tag slow */

import { execFile, spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { nameOf } from '../../src/servermgr/session-id.ts';
import { COMPILE_CACHE } from '../support/built.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { commandsOf, queriesOf } from '../support/page-commands.ts';
import { portRange, programPath, removeSessions, supervisorCommand } from './support/manager.ts';
import { idIn, newVisitor } from './support/visitor.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);

const BLOCKS = commandsOf('docs/servermgr-deploy.md', '## One machine');
const [SET_UP = '', BACK_UP = ''] = BLOCKS.split(/(?=^sudo systemctl stop)/m);

/** What is root's lies in the test's own folder. */
const SUDO = `#!/bin/sh
for word; do
  shift
  case $word in /etc/*) word=$STAND_INS$word ;; esac
  set -- "$@" "$word"
done
exec "$@"
`;

/** A checkout, and a shell in which root and systemd are stand-ins. */
async function createMachine() {
  const folder = await mkdtemp(join(tmpdir(), 'machine-'));
  const checkout = join(folder, 'checkout');
  onTestFinished(() => removeSessions(folder, join(checkout, 'sessions/.servermgr/servermgr')));
  await mkdir(join(folder, 'etc/systemd/system'), { recursive: true });
  await mkdir(checkout);
  for (const name of ['package.json', 'deploy', 'src'])
    await cp(join(ROOT, name), join(checkout, name), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(checkout, 'node_modules'));
  const systemctl = `#!/bin/sh\nexec "${process.execPath}" "${programPath('systemctl.mjs')}" "$@"\n`;
  await writeFile(join(folder, 'systemctl'), systemctl, { mode: 0o755 });
  await writeFile(join(folder, 'sudo'), SUDO, { mode: 0o755 });
  const ports = await portRange(10);
  const env = {
    PATH: [folder, process.env.PATH].join(delimiter),
    STAND_INS: folder,
    STAND_INS_ENV: JSON.stringify({
      ...COMPILE_CACHE,
      SERVERMGR_SUPERVISOR: supervisorCommand(),
      SERVERMGR_PORTS: `${ports.first}-${ports.last}`,
    }),
  };
  const at = `127.0.0.1:${await freePort()}`;
  return {
    ...{ folder, checkout, url: `http://${at}` },
    /** Types a script, with another address in place of the one that all of this machine's tests would share. */
    type: (script: string) =>
      run('sh', ['-eu', '-c', script.replaceAll('0.0.0.0:8080', at)], { cwd: checkout, env }),
  };
}

test('the commands for one machine lead to a service, whose sessions outlive a backup', async () => {
  const { folder, checkout, url, type } = await createMachine();
  await type(SET_UP);
  await eventually(async () => (await fetch(`${url}/health`)).ok);
  expect(await readFile(join(folder, 'etc/servermgr.env'), 'utf8')).toMatch(
    /^SERVERMGR_ADMIN_TOKEN=\w{32}$/m,
  );
  const visitor = newVisitor(url);
  const id = idIn(await visitor.launch({ world: 'demo' }));
  await eventually(async () => (await visitor.status(id)).progress === 100);

  await type(BACK_UP);
  await eventually(async () => (await fetch(`${url}/health`)).ok);
  expect((await visitor.status(id)).progress).toBe(100);
  const [copy = ''] = (await readdir(checkout)).filter(name => /^servermgr-.*\.sqlite$/.test(name));
  const database = new DatabaseSync(join(checkout, copy), { readOnly: true });
  onTestFinished(() => database.close());
  expect(database.prepare('select id, over_ms from sessions').all()).toEqual([{ id, over_ms: null }]);
  const [, inFile = ''] = queriesOf('docs/servermgr.md', '### Who did what');
  expect(database.prepare(inFile).all()).toEqual([
    {
      at: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/),
      who: expect.stringMatching(/^visitor /),
      what: 'launch',
      session: nameOf(id),
      detail: 'demo',
    },
  ]);
  await type('sudo systemctl stop servermgr');
});

test.runIf(spawnSync('systemd-analyze', ['--version']).status === 0)(
  'systemd finds no fault in the unit',
  async () => {
    const { folder, type } = await createMachine();
    await type(SET_UP.replaceAll(/^sudo systemctl.*\n/gm, ''));
    const unit = join(folder, 'etc/systemd/system/servermgr.service');
    const { stdout, stderr } = await run('systemd-analyze', ['verify', '--man=no', unit]);
    expect(stdout + stderr).not.toContain('servermgr.service');
  },
);

test.each([
  ['sudo systemctl start servermgr', 'Unit not found'],
  ['sudo systemctl daemon-reload; sudo systemctl start servermgr', 'ENOENT'],
  [
    'sed s/KillMode=process// deploy/servermgr.service | sudo install /dev/stdin /etc/systemd/system/servermgr.service; sudo systemctl daemon-reload; sudo systemctl start servermgr',
    'sessions would end with the manager',
  ],
  ['sudo systemctl reload servermgr', 'no such command'],
])('the stand-ins refuse %s', async (script, why) => {
  const { type } = await createMachine();
  await expect(type(script)).rejects.toThrow(why);
});
