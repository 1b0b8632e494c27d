import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { main } from '../../scripts/login.ts';
import { openEcr, REMOTE } from './support/ecr.ts';
import { callMain, runScript } from './support/script.ts';

const folder = mkdtempSync(join(tmpdir(), 'login-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('hands the password to Docker on its standard input, and never shows it', async () => {
  await using ecr = await openEcr();
  const docker = join(folder, 'docker');
  const received = join(folder, 'received');
  writeFileSync(docker, `#!/bin/sh\n{ echo "$*"; cat; } >${received}\necho Login Succeeded\n`, {
    mode: 0o755,
  });
  const env = { REMOTE, DOCKER: docker, AWS_ENDPOINT_URL_ECR: ecr.url };
  const { code, stdout, stderr } = await runScript('login.ts', [], env);
  expect([code, stdout, stderr]).toEqual([0, 'Login Succeeded\n', '']);
  expect(readFileSync(received, 'utf8')).toBe(`login --username AWS --password-stdin ${REMOTE}\na-password`);
});

test('says what is missing without Docker', async () => {
  await using ecr = await openEcr();
  const env = { REMOTE, DOCKER: 'no-such-docker', AWS_ENDPOINT_URL_ECR: ecr.url };
  const { code, stderr } = await runScript('login.ts', [], env);
  expect(code).toBe(1);
  expect(stderr).toContain('there is no no-such-docker here: install Docker, or write DOCKER=<its client>');
});

test('asks for credentials where there are none', async () => {
  const nowhere = join(folder, 'nowhere');
  const { code, stderr } = await runScript('login.ts', [], {
    REMOTE,
    AWS_ACCESS_KEY_ID: '',
    AWS_SECRET_ACCESS_KEY: '',
    AWS_SHARED_CREDENTIALS_FILE: nowhere,
    AWS_CONFIG_FILE: nowhere,
    AWS_EC2_METADATA_DISABLED: 'true',
  });
  expect(code).toBe(1);
  expect(stderr).toMatch(/credentials.*: write AWS_PROFILE=<profile>, or AWS_ACCESS_KEY_ID=/);
});

test('asks for the registry where nobody has said which one', async () => {
  const { code, stderr } = await callMain(main, [], {});
  expect(code).toBe(1);
  expect(stderr).toContain('REMOTE is not set');
});
