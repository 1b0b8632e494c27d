import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';

async function simulate(...args: readonly string[]) {
  const main = join(import.meta.dirname, 'main.ts');
  const env = { ...process.env, UV_THREADPOOL_SIZE: '1' };
  const child = spawn(process.execPath, [main, ...args], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return { code, output };
}

describe('over a store that misbehaves in every way at once', { tags: ['slow'], timeout: 600_000 }, () => {
  test('nothing that was durable is lost, and not one byte is wrong', async () => {
    const { code, output } = await simulate('--runs', '1000', '--seed', '14');
    expect(output).toMatch(/^1000 runs/m);
    // Sessions come back that recoveries have taken for dead, and recoveries meet.
    expect(output).toMatch(/^2\d\d with a session that is taken for dead$/m);
    expect(output).toMatch(/bytes compared, 0 wrong$/m);
    expect({ code, output }).toMatchObject({ code: 0 });
  });

  test('nor where all sessions are taken for dead', async () => {
    const { code, output } = await simulate('--takeover', '--runs', '100', '--seed', '1');
    expect(output).toMatch(/^100 with a session that is taken for dead$/m);
    expect({ code, output }).toMatchObject({ code: 0, output: expect.stringMatching(/, 0 wrong$/m) });
  });

  test('one seed gives the same runs each time', async () => {
    const runs = await Promise.all([1, 2].map(() => simulate('--runs', '40', '--seed', '15')));
    const [first, second] = runs.map(({ output }) => /what the stores did: \w+/.exec(output)?.[0]);
    expect(first).toBeDefined();
    expect(second).toBe(first);
  });
});
