import Docker from 'dockerode';
import { expect, test } from 'vitest';
import type { DockerOptions } from '../../src/servermgr/launchers/docker/container.ts';
import { openDocker } from '../../src/servermgr/launchers/docker/docker.ts';
import { UncertainLaunchError } from '../../src/servermgr/launchers/launcher.ts';
import { eventually } from '../support/eventually.ts';
import { dockerSettings, startDockerServer } from './support/docker-server.ts';
import { newRequest } from './support/launch-request.ts';
import { portRange } from './support/manager.ts';

const signal = new AbortController().signal;

async function openFixture() {
  const server = await startDockerServer();
  const settings = dockerSettings(await portRange(10));
  const docker = new Docker({ socketPath: server.socketPath });
  const destination = { kind: 's3', bucket: 'bucket', prefix: 'sessions' } as const;
  return {
    server,
    /** One more instance. */
    open: (changes: Partial<DockerOptions> = {}) =>
      openDocker(settings, { docker, name: 'tests', destination, env: {}, ...changes }),
    container() {
      const [container, ...others] = server.containers;
      if (container === undefined || others.length > 0) throw new Error('there is not one container');
      return container;
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

test('a stop that breaks off before its signal is sent is repeated', async () => {
  await using fixture = await openFixture();
  const session = await fixture.open().launch(newRequest());
  fixture.server.breakAt('kill', false);
  await expect(fixture.open().stop(session, 'visitor')).rejects.toThrow('socket hang up');
  expect(fixture.container().signals).toEqual([]);
  await fixture.open().stop(session, 'admin');
  expect(fixture.container()).toMatchObject({ state: 'exited', exitCode: 0 });
  const [now] = await fixture.open().list(signal);
  expect(now?.state).toMatchObject({ phase: 'ended', stopped: 'visitor' });
});

test('a session that is saving gets one SIGTERM, however often and by whomever it is stopped', async () => {
  await using fixture = await openFixture();
  const one = fixture.open();
  const session = await one.launch(newRequest());
  fixture.container().endsOn = ['SIGKILL'];
  await Promise.all([1, 2, 3].map(() => fixture.open().stop(session, 'visitor')));
  await one.stop(session, 'admin');
  expect(fixture.container().signals.filter(each => each === 'SIGTERM')).toHaveLength(1);
  expect(new Set(fixture.container().signals)).toEqual(new Set(['SIGTERM', 'SIGURG']));
  expect((await one.list(signal))[0]?.state).toEqual({ phase: 'ending', stopped: 'visitor' });
});

test('a session that hangs is killed when its stop timeout and a margin are over', async () => {
  await using fixture = await openFixture();
  const patient = fixture.open();
  const session = await patient.launch(newRequest({ env: { SESSION_STOP_TIMEOUT: '1ms' } }));
  fixture.container().endsOn = ['SIGKILL'];
  await patient.stop(session, 'too-old');
  await patient.stop(session, 'too-old');
  expect(fixture.container().signals).toEqual(['SIGTERM', 'SIGURG']);
  await fixture.open({ hangMarginMs: 0 }).stop(session, 'too-old');
  const [now] = await patient.list(signal);
  expect(now?.state).toMatchObject({ phase: 'ended', stopped: 'too-old', exitCode: 137 });
});

test('a session whose stop timeout is not over is not killed', async () => {
  await using fixture = await openFixture();
  const launcher = fixture.open({ hangMarginMs: 0 });
  const session = await launcher.launch(newRequest({ env: { SESSION_STOP_TIMEOUT: '1h' } }));
  fixture.container().endsOn = ['SIGKILL'];
  for (let times = 0; times < 3; times += 1) await launcher.stop(session, 'too-old');
  expect(fixture.container().signals).toEqual(['SIGTERM', 'SIGURG', 'SIGURG']);
});

test('a container that an earlier version has stopped is stopped on, and killed if it hangs', async () => {
  await using fixture = await openFixture();
  const launcher = fixture.open({ hangMarginMs: -120_000 + 300 });
  const session = await launcher.launch(newRequest());
  const container = fixture.container();
  container.name += '.never-ready';
  container.endsOn = ['SIGKILL'];
  expect((await launcher.list(signal))[0]?.state).toEqual({ phase: 'ending', stopped: 'never-ready' });
  await launcher.stop(session, 'admin');
  expect(container.signals).toEqual(['SIGURG']);
  await eventually(async () => {
    await launcher.stop(session, 'admin');
    return container.state === 'exited';
  });
});

for (const [verb, isDone] of [
  ['create', false],
  ['create', true],
  ['start', false],
  ['start', true],
] as const) {
  test(`a launch whose connection breaks at ${verb}, ${isDone ? 'after' : 'before'} the engine has heard it, is uncertain, and its repeat starts one session`, async () => {
    await using fixture = await openFixture();
    const request = newRequest();
    fixture.server.breakAt(verb, isDone);
    const fault: unknown = await fixture
      .open()
      .launch(request)
      .catch((error: unknown) => error);
    expect(fault).toBeInstanceOf(UncertainLaunchError);
    expect(fault).toMatchObject({ cause: { code: 'ECONNRESET' } });
    expect(await fixture.open().launch(request)).toMatchObject({ id: request.id });
    expect(fixture.container().state).toBe('running');
  });
}

test('a launch is uncertain where nobody listens, or where no answer comes', async () => {
  await using fixture = await openFixture();
  const nobody = new Docker({ host: '127.0.0.1', port: 1 });
  const launch = fixture.open({ docker: nobody }).launch(newRequest());
  await expect(launch).rejects.toThrow(UncertainLaunchError);
  fixture.server.stallAt('create');
  const late = fixture.open({ answerMs: 100 }).launch(newRequest());
  await expect(late).rejects.toThrow(UncertainLaunchError);
});

test('what the engine refuses is refused for certain, and leaves no container', async () => {
  await using fixture = await openFixture();
  const launcher = fixture.open({ docker: new Docker({ socketPath: fixture.server.socketPath }) });
  fixture.server.refuseAt('start', 500, 'OCI runtime create failed');
  const fault: unknown = await launcher.launch(newRequest()).catch((error: unknown) => error);
  expect(fault).not.toBeInstanceOf(UncertainLaunchError);
  expect(String(fault)).toContain('OCI runtime create failed');
  expect(fixture.server.containers).toEqual([]);
});

test('a container that was created long ago and never started is started by the same request', async () => {
  await using fixture = await openFixture();
  const request = newRequest();
  fixture.server.breakAt('start', false);
  await expect(fixture.open().launch(request)).rejects.toThrow(UncertainLaunchError);
  fixture.container().created -= 120;
  const launcher = fixture.open();
  expect((await launcher.list(signal))[0]?.state).toMatchObject({ why: 'its container was never started' });
  const sessions = await Promise.all([launcher.launch(request), fixture.open().launch(request)]);
  expect(sessions.map(({ state }) => state.phase)).toEqual(['running', 'running']);
});
