import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { Registry } from '@prometheus-io/client';
import parse from 'parse-prometheus-text-format';
import { describe, expect, test as plain } from 'vitest';
import { emptyPresence } from '../../../src/minecraft/player-count.ts';
import { registerGauges } from '../../../src/session/monitoring/gauges.ts';
import { createStatus } from '../../../src/session/status.ts';
import { eventually } from '../../support/eventually.ts';
import { freePort } from '../../support/free-port.ts';
import { s3Environment } from '../../support/s3-environment.ts';
import { startS3Server } from '../../support/s3-server.ts';
import { program } from '../../support/session.ts';
import { test } from '../../support/session-test.ts';
import { SILENT } from './support/silent-log.ts';

const playing = { SESSION_AGENT_COMMAND: program('agent-writes-files'), SESSION_JOURNAL_INTERVAL: '100ms' };

/** What promtool has to say against metrics; empty: nothing. */
async function promtool(metrics: string): Promise<string> {
  const child = spawn('promtool', ['check', 'metrics'], { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.end(metrics);
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return `${out}${err}`;
}

function valuesOf(metrics: string): (name: string, label?: string) => number | undefined {
  const found = parse(metrics);
  return (name, label) => {
    const samples = found.find(metric => metric.name === `craftassist_session_${name}`)?.metrics ?? [];
    const sample = samples.find(({ labels }) => label === Object.values(labels ?? {})[0]);
    return sample?.value === undefined ? undefined : Number(sample.value);
  };
}

describe.concurrent('metrics', () => {
  plain('tell of ticks, people, the archive and retries what the status of the session does', async () => {
    const status = createStatus(SILENT, undefined);
    const registry = new Registry();
    registerGauges(registry, status);
    const values = async () => valuesOf(await registry.metrics());
    expect((await values())('people')).toBeUndefined();
    const beat = { number: 1, ticks: 19, slowestTickMs: 80, missing: [], players: [] };
    const people = { ...emptyPresence, now: 3, dashboard: 1, peak: 4 };
    status.setPeople({ people: () => people, beat: () => beat, details: () => '' });
    status.setArchive(() => ({ files: 1, bytesRead: 2_000, bytesOut: 1_000 }));
    status.requestRetried();
    status.startPhase('playing');
    const playing = await values();
    expect(['people', 'dashboard_people', 'people_peak'].map(name => playing(name))).toEqual([3, 1, 4]);
    expect(playing('server_ticks_per_second')).toBe(19);
    expect(playing('server_slowest_tick_seconds')).toBe(0.08);
    expect([playing('archive_read_bytes'), playing('archive_written_bytes')]).toEqual([2_000, 1_000]);
    expect(playing('store_retries_total')).toBe(1);
    status.startPhase('stopping');
    const stopping = await values();
    expect([stopping('people'), stopping('server_ticks_per_second')]).toEqual([undefined, undefined]);
    expect([stopping('phase', 'playing'), stopping('phase', 'stopping')]).toEqual([0, 1]);
    expect(stopping('store_retries_total')).toBe(1);
  });

  test('tell of a session while it runs, as promtool wants them', async ({ fixture }) => {
    const port = await freePort();
    const session = fixture.start({ ...playing, SESSION_METRICS_ADDRESS: `:${port}` });
    const ask = async (path = '/metrics', method = 'GET') =>
      fetch(`http://127.0.0.1:${port}${path}`, { method });
    let metrics = '';
    await eventually(async () => {
      metrics = await (await ask()).text();
      const value = valuesOf(metrics);
      return value('people') === 0 && (value('journal_uploaded_bytes_total') ?? 0) > 0;
    });
    const value = valuesOf(metrics);
    expect(await promtool(metrics)).toBe('');
    expect(value('phase', 'playing')).toBe(1);
    expect(
      ['preflight', 'setup', 'starting', 'stopping', 'saving'].map(phase => value('phase', phase)),
    ).toEqual([0, 0, 0, 0, 0]);
    expect(metrics).toMatch(/craftassist_session_build_info\{version="[\d.]+",commit="[^"]+",node="v24/);
    expect(value('people_peak')).toBe(0);
    expect(value('journal_lag_seconds')).toBeLessThan(60);
    expect(value('store_retries_total')).toBe(0);
    // The server does not tell of its ticks, and there is no archive yet.
    expect(metrics).not.toMatch(/^craftassist_session_(server|archive)_\w+ /m);
    expect(metrics).not.toContain(fixture.workdir);

    const { headers } = await ask();
    expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect((await ask('/')).status).toBe(404);
    expect((await ask('/metrics', 'POST')).status).toBe(405);
    session.signal('SIGTERM');
    expect((await session.ended()).code).toBe(0);
    await expect(ask()).rejects.toThrow('fetch failed');
  });

  test('tell of what a store makes repeat, and how far the archive is', async ({
    fixture,
    onTestFinished,
  }) => {
    const s3 = await startS3Server();
    onTestFinished(() => s3.close());
    const port = await freePort();
    const session = fixture.start({
      ...{ ...playing, ...s3Environment(s3), SESSION_JOURNAL_INTERVAL: 'off' },
      SESSION_METRICS_ADDRESS: `127.0.0.1:${port}`,
    });
    await session.logged('"phase":"playing"');
    await session.logged('"event":"name_claimed"');
    s3.setFaults([{ match: { operation: ['PutObject', 'CreateMultipartUpload'] }, do: '503' }]);
    session.signal('SIGTERM');
    await eventually(async () => {
      const value = valuesOf(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text());
      const archived = [value('archive_read_bytes') ?? 0, value('archive_written_bytes') ?? 0];
      const isArchived = archived.every(bytes => bytes > 0);
      return value('phase', 'saving') === 1 && isArchived && (value('store_retries_total') ?? 0) > 0;
    });
    s3.setFaults([]);
    expect((await session.ended()).code).toBe(0);
  });

  test('whose address is taken are a warning, and the session goes on', async ({ fixture }) => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    const session = fixture.start({ SESSION_METRICS_ADDRESS: `127.0.0.1:${port}` });
    expect((await session.ended()).code).toBe(0);
    taken.close();
    expect(session.stdout()).toMatch(/"event":"metrics_unavailable".*EADDRINUSE/);
    expect(session.report().saved).toBe('archive');
  });
});
