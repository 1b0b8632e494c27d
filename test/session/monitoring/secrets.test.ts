import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { freePort } from '../../support/free-port.ts';
import { program } from '../../support/session.ts';
import { test } from '../../support/session-test.ts';
import { WEBHOOK_SECRET } from '../../webhook/support/receiver.ts';

const SECRETS = {
  SESSION_WEBHOOK_URL: 'https://hook-host.invalid/hook-path?hook=query',
  SESSION_WEBHOOK_SECRET: WEBHOOK_SECRET,
  SESSION_HEARTBEAT_URL: 'https://beat-host.invalid/beat-path',
};

const ANY_OF_THEM = /(hook|beat)-(host|path)|hook=query|whsec_/;

describe.concurrent('the URLs of a webhook and a heartbeat, and the secret', () => {
  test('reach no child, no log and no report', async ({ fixture }) => {
    const all = { ...SECRETS, SESSION_METRICS_ADDRESS: `127.0.0.1:${await freePort()}` };
    const session = fixture.start({
      ...all,
      SESSION_SETUP_COMMAND: program('agent-prints-environment'),
      SESSION_LOG_LEVEL: 'trace',
    });
    expect((await session.ended()).code).toBe(0);
    const environment = await readFile(join(fixture.workdir, 'environment.json'), 'utf8');
    expect(JSON.parse(environment)).toMatchObject({ SESSION_LOG_LEVEL: 'trace' });
    for (const name of Object.keys(all)) expect(environment).not.toContain(name);
    const told = [
      ...[session.stdout(), session.stderr(), environment],
      await readFile(join(fixture.workdir, 'supervisor.log'), 'utf8'),
      await readFile(join(fixture.sessions, '.sessions/test/session.json'), 'utf8'),
    ].join('\n');
    expect(told).toContain('webhook_undelivered');
    expect(told).toContain('heartbeat_failed');
    expect(told).not.toMatch(ANY_OF_THEM);
  });

  test('are masked by config, and labels are; doctor tells nothing of them', async ({
    fixture,
    onTestFinished,
  }) => {
    const taken = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void taken.close());
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    const metrics = `127.0.0.1:${port}`;
    const env = { ...SECRETS, SESSION_LABELS: '{"worker":"Ada"}', SESSION_METRICS_ADDRESS: metrics };
    const config = fixture.start(env, 'config');
    expect((await config.ended()).code).toBe(0);
    for (const name of [...Object.keys(SECRETS), 'SESSION_LABELS'])
      expect(config.stdout()).toContain(`${name}=********  # environment\n`);
    expect(config.stdout()).toContain(`SESSION_METRICS_ADDRESS=${metrics}  # environment\n`);
    const doctor = fixture.start(env, 'doctor');
    expect((await doctor.ended()).code).toBe(0);
    expect(doctor.stdout()).toMatch(/^note {2}metrics address: .*EADDRINUSE/m);
    for (const { stdout, stderr } of [config, doctor])
      expect(`${stdout()}${stderr()}`).not.toMatch(ANY_OF_THEM);
    expect(config.stdout()).not.toContain('Ada');
  });
});
