#!/usr/bin/env node
// Runs one real session on this machine: a Minecraft server and a bot from the npm registry as server and agent.
// The archive lands in ./sessions/<TIMESTAMP>/, the report in ./sessions/.sessions/<TIMESTAMP>/.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const LAST_LINES = 5;

const seconds = Number(process.env.DEMO_SECONDS ?? 8);
const port = Number(process.env.DEMO_PORT ?? 25_565);
if (!(seconds > 0) || !Number.isInteger(port)) throw new Error('DEMO_SECONDS and DEMO_PORT must be numbers');

const program = (name: string, ...args: string[]) =>
  JSON.stringify([process.execPath, resolve(import.meta.dirname, name), ...args]);
const timestamp = process.env.TIMESTAMP || new Date().toISOString();
const workdir = await mkdtemp(join(tmpdir(), 'craftassist-demo-'));

const session = spawn(process.execPath, [resolve(import.meta.dirname, '../../src/main.ts')], {
  stdio: 'inherit',
  env: {
    ...process.env,
    TIMESTAMP: timestamp,
    SESSION_WORKDIR: workdir,
    SESSION_DESTINATION: 'sessions',
    SESSION_SERVER_ADDRESS: `127.0.0.1:${port}`,
    SESSION_SERVER_COMMAND: program('server.ts', '--port', String(port)),
    SESSION_AGENT_COMMAND: program('agent.ts', '--port', String(port), '--seconds', String(seconds)),
  },
});
console.log(
  `A session of ${seconds} s: join it with Minecraft 1.16.5 at localhost:${port}, or end it with Ctrl-C.`,
);

// The terminal sends Ctrl-C to the session as well, which ends by itself.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => session.kill('SIGTERM'));
const [code, signal] = (await once(session, 'exit')) as [number | null, NodeJS.Signals | null];
if (code === 0) {
  await rm(workdir, { recursive: true });
  tellWhereToLook();
} else {
  await tellFailure();
}
process.exitCode = code ?? 1;
if (signal !== null) console.error(`The session was ended by ${signal}.`);

function tellWhereToLook(): void {
  console.log(`
What was played is saved. Look at it:
  tar -tzf sessions/${timestamp}/logs.tar.gz                  the logs, the world and the chat
  tar -xzOf sessions/${timestamp}/logs.tar.gz agent.log       what the agent did
  less sessions/.sessions/${timestamp}/session.json           the report: how it ended, who was there, what was saved`);
}

async function tellFailure(): Promise<void> {
  for (const name of ['cuberite_process.log', 'agent.log']) {
    const log = await readFile(join(workdir, name), 'utf8').catch(() => '');
    console.error(`The last lines of ${name}:\n${log.trimEnd().split('\n').slice(-LAST_LINES).join('\n')}\n`);
  }
  console.error(`The session failed; its working directory is kept: ${workdir}`);
}
