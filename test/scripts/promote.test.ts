import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { main } from '../../scripts/promote.ts';
import { openEcr, REMOTE } from './support/ecr.ts';
import { callMain, runScript, runTyped } from './support/script.ts';

let ecr: Awaited<ReturnType<typeof openEcr>>;

beforeEach(async () => {
  ecr = await openEcr();
});

afterEach(() => ecr[Symbol.asyncDispose]());

const environment = () => ({ REMOTE, AWS_ENDPOINT_URL_ECR: ecr.url });
const promote = (...args: string[]) => callMain(main, args, environment());
const promoteAsProcess = (...args: string[]) => runScript('promote.ts', args, environment());

const puts = () => ecr.requests.filter(({ operation }) => operation === 'PutImage');

test('puts latest on the image of a tag, and says what it was and is', async () => {
  const old = ecr.push('latest', 'old');
  const wanted = ecr.push('0123abcd', 'new');
  const { code, stdout } = await promoteAsProcess('0123abcd');
  expect(code).toBe(0);
  expect(ecr.tags.get('latest')).toBe(wanted);
  expect(stdout.split('\n').slice(0, 5)).toEqual([
    `latest is       ${old} (tagged latest, pushed 2026-11-01T12:00:00.000Z)`,
    `latest becomes  ${wanted} (tagged 0123abcd, pushed 2026-11-01T12:00:00.000Z)`,
    `${REMOTE}/craftassist:latest is now 0123abcd`,
    `to go back: make promote TAG=${old}`,
    'tasks of ECS run it once make register has named its digest',
  ]);
  expect(puts().map(({ input }) => input.registryId)).toEqual(['123456789012']);
});

test('says which bot and which supervisor it is', async () => {
  const [bot, supervisor] = ['b'.repeat(40), 'c'.repeat(40)];
  const wanted = ecr.push(bot, 'new');
  ecr.tags.set(`${bot}-${supervisor}`, wanted);
  const { stdout } = await promote(bot);
  expect(stdout).toContain(`latest becomes  ${wanted} (bot ${bot}, supervisor ${supervisor}, tagged ${bot}`);
});

test('goes back by the digest that it printed', async () => {
  const old = ecr.push('latest', 'old');
  ecr.push('0123abcd', 'new');
  const { stdout } = await promote('0123abcd');
  const digest = /to go back: make promote TAG=(\S+)/.exec(stdout)?.[1] ?? '';
  expect((await promote(digest)).code).toBe(0);
  expect(ecr.tags.get('latest')).toBe(old);
});

test('the way back of another tag, and of another repository, goes back there', async () => {
  const old = ecr.push('staging', 'old');
  ecr.push('0123abcd', 'new');
  const { stdout } = await promote('--to', 'staging', '--repository', 'servermgr', '0123abcd');
  const way = `make promote TAG=${old} FLAGS="--to staging --repository servermgr"`;
  expect(stdout).toContain(`to go back: ${way}\n`);
  const back = await runTyped(['sh', '-c', way], environment());
  expect(back.code, back.stderr).toBe(0);
  expect([ecr.tags.get('staging'), ecr.tags.has('latest')]).toEqual([old, false]);
});

test('promotes where nothing has been promoted before', async () => {
  const wanted = ecr.push('first', 'new');
  const { code, stdout } = await promote('first');
  expect([code, ecr.tags.get('latest')]).toEqual([0, wanted]);
  expect(stdout).toContain('latest is       nothing yet');
  expect(stdout).not.toContain('to go back');
});

test('promotes an index for several platforms as it is', async () => {
  const index = ecr.pushIndex('many', [ecr.push(undefined, 'amd64'), ecr.push(undefined, 'arm64')]);
  expect((await promote('many')).code).toBe(0);
  expect(ecr.tags.get('latest')).toBe(index);
  expect(puts()[0]?.input.imageManifestMediaType).toBe('application/vnd.oci.image.index.v1+json');
});

test.each(['no-such-tag', `sha256:${'0'.repeat(64)}`])('refuses what does not exist: %s', async wanted => {
  ecr.push('latest', 'old');
  const { code, stderr } = await promote(wanted);
  expect(code).toBe(1);
  expect(stderr).toBe(`${REMOTE}/craftassist has no image ${wanted}: push it first\n`);
  expect(puts()).toEqual([]);
});

test('asks for the whole commit where it is given a part of it', async () => {
  const { code, stderr } = await promoteAsProcess('0123abcd');
  expect(code).toBe(1);
  expect(stderr).toContain('has no image 0123abcd: write the whole commit');
});

test.each(['two words', 'sha256:0123', '-tag'])('refuses what no image can be called: %s', async wanted => {
  const { code, stderr } = await promote('--', wanted);
  expect(code).toBe(1);
  expect(stderr).toContain(`"${wanted}" is neither a tag nor a digest: write a commit, or sha256:`);
  expect(ecr.requests).toEqual([]);
});

test('says so when it is there already', async () => {
  const digest = ecr.push('0123abcd', 'new');
  ecr.tags.set('latest', digest);
  const { code, stdout } = await promote('0123abcd');
  expect(code).toBe(0);
  expect(stdout).toContain('0123abcd is there already: nothing to do');
  expect(puts()).toEqual([]);
});

test('does nothing in a dry run, but says all', async () => {
  const old = ecr.push('latest', 'old');
  const wanted = ecr.push('0123abcd', 'new');
  const { code, stdout } = await promote('--dry-run', '0123abcd');
  expect(code).toBe(0);
  expect(stdout).toContain(`latest is       ${old}`);
  expect(stdout).toContain(`latest becomes  ${wanted}`);
  expect(stdout).toContain('this was a dry run');
  expect(ecr.tags.get('latest')).toBe(old);
});

test('explains a repository whose tags do not move', async () => {
  await using frozen = await openEcr({ immutable: true });
  frozen.push('latest', 'old');
  frozen.push('0123abcd', 'new');
  const { code, stderr } = await callMain(main, ['0123abcd'], {
    REMOTE,
    AWS_ENDPOINT_URL_ECR: frozen.url,
  });
  expect(code).toBe(1);
  expect(stderr).toContain('make "latest" mutable');
});

describe('--wait-for-scan', () => {
  const quickly = ['--wait-for-scan', '--scan-poll-ms', '10'];

  test('waits until the scan is complete, and prints its findings', async () => {
    const wanted = ecr.push('0123abcd', 'new', ['none', 'PENDING', 'IN_PROGRESS', 'COMPLETE']);
    const { code, stdout } = await promote(...quickly, '0123abcd');
    expect(code).toBe(0);
    expect(stdout).toContain(`${wanted} was scanned: 2 HIGH, 7 LOW`);
    expect(ecr.tags.get('latest')).toBe(wanted);
  });

  test('waits for every platform of an index', async () => {
    const platforms = [
      ecr.push(undefined, 'amd64', ['COMPLETE']),
      ecr.push(undefined, 'arm64', ['PENDING', 'COMPLETE']),
    ];
    ecr.pushIndex('many', platforms);
    const { code, stdout } = await promote(...quickly, 'many');
    expect(code).toBe(0);
    for (const digest of platforms) expect(stdout).toContain(`${digest} was scanned`);
  });

  test.each([
    ['has failed', ['FAILED'], /has a scan that is FAILED: so it is/],
    ['never comes', ['none'], /was not scanned/],
  ])('refuses an image whose scan %s', async (_, scan, fault) => {
    ecr.push('0123abcd', 'new', scan);
    const { code, stderr } = await promote(...quickly, '--scan-timeout-ms', '300', '0123abcd');
    expect(code).toBe(1);
    expect(stderr).toMatch(fault);
    expect(puts()).toEqual([]);
  });
});

test.each([
  ['no tag', promoteAsProcess, []],
  ['two tags', promote, ['a', 'b']],
])('explains itself when it is given %s', async (_, run, args) => {
  const { code, stderr } = await run(...args);
  expect(code).toBe(64);
  expect(stderr).toMatch(/^usage:/);
});

test('asks for TAG where make was given none', async () => {
  const { code, stderr } = await promote('--', '');
  expect([code, stderr]).toEqual([1, 'TAG is not set: write make promote TAG=<commit or digest>\n']);
});

test('asks for the registry where nobody has said which one', async () => {
  const { code, stderr } = await callMain(main, ['a'], {});
  expect(code).toBe(1);
  expect(stderr).toContain('neither REMOTE nor AWS_REGION is set');
  const wrong = await callMain(main, ['a'], { REMOTE: 'docker.io/somebody' });
  expect(wrong.stderr).toContain('REMOTE "docker.io/somebody" is no registry of ECR');
});
