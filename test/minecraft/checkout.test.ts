import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test as base, expect } from 'vitest';
import { parseSessionConfig } from '../../src/config/session.ts';
import { findCheckout } from '../../src/minecraft/checkout.ts';

/** Two places where an image may have the project; nothing is in either. */
const test = base.extend('roots', async ({ onTestFinished }) => {
  const folder = await mkdtemp(join(tmpdir(), 'checkout-test-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return [join(folder, 'droidlet'), join(folder, 'fairo')] as const;
});

async function checkOut(root: string, parser: string): Promise<void> {
  await mkdir(join(root, 'agents'), { recursive: true });
  await writeFile(join(root, 'agents/argument_parser.py'), parser);
}

function configIn(roots: readonly string[], env: Record<string, string> = {}) {
  const context = { cwd: '/played', terminal: false, now: new Date(), checkout: findCheckout(roots) };
  return parseSessionConfig({ SESSION_DESTINATION: '/out', ...env }, context).config;
}

const OLD = ['--no_default_behavior', '--agent_debug_mode', '--log_level', 'debug', '--dev'];

test('an agent that does not know the timeline is not asked for it', async ({ roots }) => {
  await checkOut(roots[0], 'self.parser.add_argument("--log_timeline")');
  const { agent, server } = configIn(roots);
  expect(agent.command).toEqual(['python3', `${roots[0]}/agents/craftassist/craftassist_agent.py`, ...OLD]);
  expect(server.run).toMatchObject({ home: `${roots[0]}/droidlet/lowlevel/minecraft/server` });
});

test('a later checkout is found where it lies, and its agent shows the timeline', async ({ roots }) => {
  await checkOut(roots[1], 'self.parser.add_argument(\n    "--enable_timeline",\n    action="store_true")');
  const { agent, server } = configIn(roots);
  const program = `${roots[1]}/agents/craftassist/craftassist_agent.py`;
  expect(agent.command).toEqual(['python3', program, ...OLD, '--enable_timeline']);
  expect(server.run).toMatchObject({
    binary: `${roots[1]}/droidlet/lowlevel/minecraft/server/cuberite/Server/Cuberite`,
  });
});

test('what is set holds as it is', async ({ roots }) => {
  await checkOut(roots[1], '"--enable_timeline"');
  const env = {
    SESSION_AGENT_COMMAND: 'python3 /droidlet/agent.py',
    SESSION_CUBERITE_HOME: '/droidlet/server',
  };
  const { agent, server } = configIn(roots, env);
  expect(agent.command).toEqual(['python3', '/droidlet/agent.py']);
  expect(server.run).toMatchObject({ home: '/droidlet/server' });
});

test('where there is none, the defaults are those that help tells', ({ roots }) => {
  const { agent } = configIn(roots);
  expect(agent.command).toEqual(['python3', '/droidlet/agents/craftassist/craftassist_agent.py', ...OLD]);
});
