import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Registry } from '@prometheus-io/client';
import { expect, test } from 'vitest';
import { registerGauges } from '../../../src/session/monitoring/gauges.ts';
import { createStatus } from '../../../src/session/status.ts';
import { send } from '../../../src/webhook/send.ts';
import { targetsOf } from '../../../src/webhook/targets.ts';
import { eventually } from '../../support/eventually.ts';
import { freePort } from '../../support/free-port.ts';
import { WEBHOOK_SECRET } from '../../webhook/support/receiver.ts';
import { SILENT } from './support/silent-log.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const page = await readFile(resolve(ROOT, 'docs/monitoring.md'), 'utf8');

test('docs/monitoring.md lists every metric, and no other', async () => {
  const registry = new Registry();
  registerGauges(registry, createStatus(SILENT, undefined));
  const names = (await registry.getMetricsAsJSON()).map(({ name }) => name);
  const rows = page.split('\n').filter(line => line.startsWith('| `craftassist_session_'));
  const listed = rows.flatMap(row => row.match(/craftassist_session_\w+/g) ?? []);
  expect(listed.toSorted()).toEqual(names.toSorted());
});

test('its receiver takes what is signed, tells of it once, and refuses everything else', async () => {
  const [, code = ''] = /```js\n([\s\S]*?)```/.exec(page) ?? [];
  const PORT = String(await freePort());
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    cwd: ROOT,
    env: { PATH: process.env.PATH ?? '', WEBHOOK_SECRET, PORT },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', text => {
    output += text;
  });
  const url = `http://127.0.0.1:${PORT}/`;
  const options = { targets: targetsOf(url), userAgent: 'a-test', signal: new AbortController().signal };
  const [, body = ''] = /```json\n([\s\S]*?)```/.exec(page) ?? [];
  const sent = (changes = {}) =>
    send({ id: 'msg_1', url, secret: WEBHOOK_SECRET, body, ...changes }, options);
  try {
    await eventually(async () => (await sent()).text === 'HTTP 204');
    expect(await sent()).toEqual({ kind: 'delivered', text: 'HTTP 204' });
    const secret = `whsec_${Buffer.alloc(32, 8).toString('base64')}`;
    expect(await sent({ secret })).toEqual({ kind: 'failed', text: 'HTTP 401' });
    await eventually(() => output.length > 0);
    expect(output).toBe(
      '2026-11-28T12:00:00.000Z is not saved: craftassist-session recover s3://bucket/prefix/2026-11-28T12:00:00.000Z\n',
    );
  } finally {
    child.kill('SIGKILL');
    await once(child, 'close');
  }
});
