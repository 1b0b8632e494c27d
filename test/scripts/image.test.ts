import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runScript } from './support/script.ts';

const REMOTE = '123456789012.dkr.ecr.us-west-1.amazonaws.com';
const DIGEST = `sha256:${'a'.repeat(64)}`;

let folder: string;
let docker: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'image script '));
  docker = join(folder, 'docker');
  // Every argument on a line of its own; one image that was built, and its digests in two registries.
  const script = `#!/bin/sh
case "$1" in
buildx) exit \${NO_BUILDX:-0} ;;
info) echo "[[driver-type \${STORE:-overlay2}]]"; exit ;;
esac
printf '%s\\n' "$@" >>"${folder}/heard"
if [ "$4" = ${REMOTE}/craftassist:abc123 ]; then echo 0123456789ab; fi
if [ "$2" = inspect ]; then printf '%s\\n' "elsewhere/craftassist@sha256:b" "${REMOTE}/craftassist@${DIGEST}"; fi
`;
  writeFileSync(docker, script);
  chmodSync(docker, 0o755);
});

afterEach(() => rmSync(folder, { recursive: true }));

const BOT = 'b'.repeat(40);

const image = (action: string, env: Record<string, string> = {}) =>
  runScript('image.sh', [action], { DOCKER: docker, COMMIT: 'abc123', DROIDLET_REF: BOT, ...env });

const heard = () => readFileSync(join(folder, 'heard'), 'utf8').trimEnd().split('\n');

/** What follows each `--name`. */
const values = (name: string) => heard().filter((_, index, lines) => lines[index - 1] === name);

describe('build', () => {
  test('tags for here and for the registry, by name and by commit', async () => {
    expect((await image('build', { REMOTE })).code).toBe(0);
    const names = ['craftassist', ...[BOT, `${BOT}-abc123`, 'abc123'].map(tag => `craftassist:${tag}`)];
    expect(values('--tag')).toEqual([...names, ...names.map(name => `${REMOTE}/${name}`)]);
    expect(values('--build-arg')).toEqual(
      expect.arrayContaining(['COMMIT=abc123', `DROIDLET_COMMIT=${BOT}`]),
    );
  });

  test('tags for here alone where no registry is set, and says so', async () => {
    const { code, stdout } = await image('build', { CRAFTASSIST_IMAGE: 'ready' });
    expect([code, values('--tag')]).toEqual([0, ['craftassist', 'craftassist:abc123']]);
    expect(stdout).toContain('REMOTE is not set: the image has local tags only');
  });

  test('hands on what the Dockerfile takes, whatever is in it', async () => {
    await image('build', { CRAFTASSIST_IMAGE: 'an image:old', DROIDLET_REF: '$(touch ran) `ls` "a" \'b\'' });
    expect(values('--build-arg')).toContain('CRAFTASSIST_IMAGE=an image:old');
    expect(values('--build-arg')).toContain('DROIDLET_REF=$(touch ran) `ls` "a" \'b\'');
  });

  test('takes what the Makefile of before took', async () => {
    const { stdout } = await image('build', {
      DOCKER_BUILD_ARGS: '--no-cache --pull',
      CURRENT_BRANCH: BOT,
      DROIDLET_REF: '',
    });
    expect(heard()).toEqual(expect.arrayContaining(['--no-cache', '--pull', `DROIDLET_REF=${BOT}`]));
    expect(stdout).toContain(`CURRENT_BRANCH is what DROIDLET_REF is now: ${BOT}`);
  });

  test('mounts credentials, and gives none as arguments', async () => {
    await image('build', { AWS_SECRET_FILE: '/home/me/.aws/credentials' });
    expect(values('--secret')).toEqual(['id=aws,src=/home/me/.aws/credentials']);
    expect(heard().join('\n')).not.toContain('verysecret');
  });
});

describe('a Docker', () => {
  const containerd = { STORE: 'io.containerd.snapshotter.v1' };
  const ready = { CRAFTASSIST_IMAGE: 'ready' };

  test('that can makes zstd layers of all, an SBOM, and says how the image was built', async () => {
    const { code, stdout } = await image('build', { ...ready, ...containerd });
    expect(code).toBe(0);
    expect(values('--output')).toEqual([
      'type=image,compression=zstd,force-compression=true,oci-mediatypes=true',
    ]);
    expect(heard()).toEqual(expect.arrayContaining(['--sbom=true', '--provenance=mode=max']));
    expect(stdout).not.toContain('gzip layers');
  });

  test.each([
    ['has no buildx', { ...containerd, NO_BUILDX: '1' }, 'this Docker has no plug-in buildx'],
    ['keeps images in its old store', {}, 'this Docker does not use the containerd image store'],
    ['is told to', { ...containerd, PLAIN_IMAGE: '1' }, 'PLAIN_IMAGE is set'],
  ])('that %s builds as ever, and says what is left out', async (_, env, why) => {
    const { code, stdout } = await image('build', { ...ready, ...env });
    expect(code).toBe(0);
    expect(stdout).toContain(`gzip layers, no SBOM and no provenance: ${why}\n`);
    expect(values('--output')).toEqual([]);
    expect(heard().join('\n')).not.toMatch(/sbom|provenance/);
  });
});

test('builds for Graviton on a base that is for it, and on no other', async () => {
  const platform = { PLATFORM: 'linux/arm64' };
  for (const base of [
    { CRAFTASSIST_IMAGE: 'ready:arm64' },
    { BASE_IMAGE: 'ubuntu:arm64' },
    { IMAGE_TARGET: 'servermgr' },
  ]) {
    rmSync(join(folder, 'heard'), { force: true });
    expect((await image('build', { ...platform, ...base })).code).toBe(0);
    expect(values('--platform')).toEqual(['linux/arm64']);
  }
  rmSync(join(folder, 'heard'), { force: true });
  const { code, stderr } = await image('build', platform);
  expect([code, stderr]).toEqual([
    1,
    'PLATFORM=linux/arm64: name a CRAFTASSIST_IMAGE, or a BASE_IMAGE, for that platform; the default one is for linux/amd64\n',
  ]);
  const wrong = await image('build', { PLATFORM: 'linux/riscv64', CRAFTASSIST_IMAGE: 'ready' });
  expect(wrong).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('PLATFORM=linux/riscv64: there is'),
  });
  expect(heard).toThrow();
});

test('finds the commit of a branch or a tag, which is what is built', async () => {
  const git = (...args: string[]) => {
    const who = ['-c', 'user.name=Tests', '-c', 'user.email=tests@localhost'];
    return execFileSync('git', [...who, ...args], { cwd: folder, encoding: 'utf8' }).trim();
  };
  git('init', '--quiet', '--initial-branch=main', 'droidlet');
  git('-C', 'droidlet', 'commit', '--quiet', '--allow-empty', '--message', 'a bot');
  git('-C', 'droidlet', 'tag', '--annotate', '--message', 'a version', 'v1');
  const commit = git('-C', 'droidlet', 'rev-parse', 'HEAD');
  const repository = { DROIDLET_REPOSITORY: join(folder, 'droidlet') };
  for (const ref of ['main', 'v1', '']) {
    rmSync(join(folder, 'heard'), { force: true });
    const { code, stderr } = await image('build', { ...repository, DROIDLET_REF: ref });
    expect(code, stderr).toBe(0);
    expect(values('--build-arg')).toContain(`DROIDLET_REF=${commit}`);
    expect(values('--tag')).toContain(`craftassist:${commit}-abc123`);
  }
  const { code, stderr } = await image('build', { ...repository, DROIDLET_REF: 'v2' });
  expect([code, stderr]).toEqual([1, expect.stringContaining('droidlet has no v2: write DROIDLET_REF=')]);
});

test('builds another stage of the Dockerfile under another name', async () => {
  await image('build', { IMAGE_NAME: 'servermgr', IMAGE_TARGET: 'servermgr' });
  expect([values('--tag'), values('--target')]).toEqual([['servermgr', 'servermgr:abc123'], ['servermgr']]);
});

describe('push-versioned', () => {
  test('pushes the commit, and prints the digest to promote', async () => {
    const { code, stdout } = await image('push-versioned', { REMOTE });
    expect(code).toBe(0);
    expect(values('push')).toEqual([`${REMOTE}/craftassist:abc123`]);
    expect(stdout).toContain(`docker push ${REMOTE}/craftassist:abc123\n`);
    expect(stdout).toContain(`make promote TAG=${DIGEST}\n`);
  });

  test('pushes the tags of the bot as well, of which one may have to stay where it is', async () => {
    const script = readFileSync(docker, 'utf8');
    const label = `case "$4" in *Labels*) echo ${BOT}; exit;; esac\n`;
    const refused = (why: string) =>
      `if [ "$1" = push ] && [ "$2" = ${REMOTE}/craftassist:${BOT} ]; then echo '${why}' >&2; exit 1; fi\n`;
    writeFileSync(docker, script.replace('\n', `\n${label}${refused('the tag is immutable.')}`));
    const { code, stdout } = await image('push-versioned', { REMOTE });
    expect(code).toBe(0);
    const pushed = [...stdout.matchAll(/^docker push .*:(.*)$/gm)].map(([, tag]) => tag);
    expect(pushed).toEqual([`${BOT}-abc123`, 'abc123', BOT]);
    expect(stdout).toContain(`craftassist:${BOT} stays where it is: craftassist:${BOT}-abc123 is this image`);

    writeFileSync(docker, script.replace('\n', `\n${label}${refused('no route to host')}`));
    const failed = await image('push-versioned', { REMOTE });
    expect(failed).toMatchObject({ code: 1, stdout: expect.stringContaining('no route to host') });
    expect(failed.stderr).toContain(`craftassist:${BOT} could not be pushed`);
  });

  test('says what to do about an image that was not built for this registry', async () => {
    const { code, stderr } = await image('push-versioned', { REMOTE, COMMIT: 'def456' });
    expect([code, stderr]).toEqual([
      1,
      `${REMOTE}/craftassist:def456 is not here: make build with the same REMOTE first\n`,
    ]);
    expect(heard()).not.toContain('push');
  });

  test('refuses what is not committed', async () => {
    const { code, stderr } = await image('push-versioned', { REMOTE, COMMIT: 'abc123-dirty' });
    expect(code).toBe(1);
    expect(stderr).toContain('there are changes that are not committed');
    expect(heard).toThrow();
  });
});

test.each(['push-versioned', 'pull'])('%s asks for the registry', async action => {
  const { code, stderr } = await image(action);
  expect(code).toBe(1);
  expect(stderr).toContain('REMOTE is not set');
});

test('pull gets what is promoted', async () => {
  expect((await image('pull', { REMOTE })).code).toBe(0);
  expect(heard()).toEqual(['pull', `${REMOTE}/craftassist`]);
});

test('run publishes the ports, uploads nothing, and hands no credentials on', async () => {
  const env = { SESSION_MAX_DURATION: '10m', SESSION_DESTINATION: 's3://bucket', SESSION_CHILD_USER: '' };
  expect((await image('run', env)).code).toBe(0);
  const ports = [25565, 3000, 2556, 2557, 9000, 5000].map(port => `${port}:${port}`);
  expect(values('--publish')).toEqual([...ports, '8000:80']);
  expect(values('--env').sort()).toEqual([
    'SESSION_CHILD_USER',
    'SESSION_DESTINATION=/sessions',
    'SESSION_MAX_DURATION',
  ]);
  expect(values('--volume')).toEqual([expect.stringMatching(/\/sessions:\/sessions$/)]);
  expect(heard().at(-1)).toBe('craftassist:latest');
});

test.each(['build', 'run', 'push-versioned', 'pull'])(
  '%s says what is missing without Docker',
  async action => {
    const { code, stderr } = await image(action, { REMOTE, DOCKER: 'no-such-docker' });
    expect([code, stderr]).toEqual([
      1,
      'there is no no-such-docker here: install Docker, or write DOCKER=<its client>\n',
    ]);
  },
);

test('says what it can do', async () => {
  const { code, stderr } = await image('');
  expect(code).toBe(1);
  expect(stderr).toContain('build, run, push-versioned or pull');
});
