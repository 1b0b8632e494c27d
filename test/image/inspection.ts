import assert from 'node:assert/strict';
import type { Docker } from './docker.ts';
import { BUILD_SECRET, IMAGES } from './images.ts';

/** The most that the supervisor may add to the image. */
const MOST_BYTES = 160_000_000;

/** The C library of Ubuntu 20.04. */
const NEWEST_GLIBC = [2, 31];

/** Checks the session image itself: what the supervisor adds and needs, and that no secret is in it. */
export async function inspectImage(docker: Docker): Promise<string> {
  const history = await docker(
    'history',
    '--no-trunc',
    '--human=false',
    '--format',
    '{{.Size}} {{.CreatedBy}}',
    IMAGES.session,
  );
  const image = await docker('inspect', IMAGES.session);
  for (const text of [history, image]) {
    assert.ok(!text.includes(BUILD_SECRET), 'a secret of the build is in the image');
    assert.doesNotMatch(text, /AWS_SECRET|AWS_ACCESS_KEY|AKIA/);
  }
  const layers = history.split('\n').map(line => ({ bytes: Number.parseInt(line, 10), by: line }));
  const ours = layers
    .slice(0, layers.findIndex(({ by }) => by.includes('settle.sh')) + 1)
    .filter(({ bytes }) => bytes > 0);
  const bytes = ours.reduce((sum, layer) => sum + layer.bytes, 0);
  assert.equal(ours.length, 1, `the supervisor is in ${ours.length} layers`);
  assert.ok(bytes <= MOST_BYTES, `the supervisor adds ${bytes} bytes`);

  const { Config: config } = JSON.parse(image)[0];
  const ports = Object.keys(config.ExposedPorts).map(port => Number.parseInt(port, 10));
  assert.deepEqual(
    ports.sort((a, b) => a - b),
    [80, 2556, 2557, 3000, 5000, 9000, 25565],
  );
  assert.equal(config.WorkingDir, '/droidlet/workdir');
  assert.equal(config.StopSignal, 'SIGTERM');
  for (const variable of ['LANG=C.UTF-8', 'LC_ALL=C.UTF-8', 'MCDASHBOARD_PORT=80'])
    assert.ok(config.Env.includes(variable), variable);
  assert.match(config.Labels['org.opencontainers.image.revision'], /^[0-9a-f]{40}(-dirty)?$/);
  assert.deepEqual(config.Healthcheck.Test, ['CMD', 'craftassist-session', 'health']);

  const version = await docker('run', '--rm', IMAGES.session, '--version');
  assert.ok(version.includes(config.Labels['org.opencontainers.image.revision'].slice(0, 12)), version);
  const glibc = await newestGlibc(docker);
  const tooNew = glibc[0] !== NEWEST_GLIBC[0] || glibc[1] > (NEWEST_GLIBC[1] ?? 0);
  assert.ok(!tooNew, `the supervisor needs glibc ${glibc.join('.')}`);
  return `${(bytes / 1e6).toFixed(0)} MB in one layer, needs glibc ${glibc.join('.')}, no secret`;
}

/** Of Node, ISA-L and its addon: the names of the symbol versions that they need stand among their bytes. */
async function newestGlibc(docker: Docker): Promise<[number, number]> {
  const find =
    "cd /opt/craftassist-session && grep -ahoE 'GLIBC_[0-9]+\\.[0-9]+' bin/node deflate.node libisal.so.2 | sort -uV | tail -n 1";
  const found = await docker('run', '--rm', '--entrypoint', 'sh', IMAGES.session, '-c', find);
  const [, major, minor] = /^GLIBC_(\d+)\.(\d+)$/.exec(found) ?? [];
  return [Number(major), Number(minor)];
}
