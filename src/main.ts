#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { setTimeout } from 'node:timers/promises';
import { isatty } from 'node:tty';
import type { RunCommand } from './cli/command.ts';
import { compressionThreads, poolSize } from './runtime/cpus.ts';
import { EXIT_INTERNAL_ERROR } from './runtime/exit-codes.ts';
import { createSignals } from './runtime/signals.ts';

/** libuv reads it when its pool is first used. */
process.env.UV_THREADPOOL_SIZE ??= String(poolSize(compressionThreads()));
enableCompileCache();

const COMMANDS: Record<string, () => Promise<RunCommand>> = {
  run: async () => (await import('./cli/run.ts')).run,
  config: async () => (await import('./cli/config.ts')).config,
  console: async () => (await import('./cli/console.ts')).console,
  health: async () => (await import('./cli/console.ts')).health,
  recover: async () => (await import('./cli/recover.ts')).recover,
  tail: async () => (await import('./cli/tail.ts')).tail,
  doctor: async () => (await import('./cli/doctor.ts')).doctor,
  '--help': async () => (await import('./cli/help.ts')).help,
  '--version': async () => (await import('./cli/version.ts')).version,
};

const ALIASES: Record<string, string> = {
  help: '--help',
  '-h': '--help',
  version: '--version',
  '-V': '--version',
};

/** How long the reader of stdout has for what it has not taken yet. */
const LINGER_MS = 500;

async function main(): Promise<number> {
  const signals = createSignals();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP'] as const) {
    process.on(signal, () => signals.onSignal(signal));
  }
  process.on('uncaughtException', fault => {
    printError(`uncaught exception: ${fault instanceof Error ? fault.stack : String(fault)}`);
    signals.onUncaught(fault);
  });

  const [name = 'run', ...args] = process.argv.slice(2);
  const load = COMMANDS[ALIASES[name] ?? name];
  if (load === undefined) {
    printError(`there is no command "${name}": \`craftassist-session --help\` lists those that are`);
    return 64;
  }
  const command = await load();
  return command({
    env: process.env,
    cwd: process.cwd(),
    args,
    terminal: isatty(1),
    signals,
    print: text => void process.stdout.write(`${text}\n`),
    write: bytes => new Promise(resolve => process.stdout.write(bytes, () => resolve())),
    printError,
  });
}

function printError(text: string): void {
  process.stderr.write(`${text}\n`);
}

function written(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise(resolve => stream.write('', () => resolve()));
}

// A reader that has gone (`| head`, a log driver that died) ends no session.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => stream.destroy());

const code = await main().catch(fault => {
  printError(`uncaught exception: ${fault instanceof Error ? fault.stack : String(fault)}`);
  return EXIT_INTERNAL_ERROR;
});
await Promise.race([written(process.stdout), setTimeout(LINGER_MS)]);
// Node that winds down by itself takes its signal handlers away first: a late SIGTERM would kill, and change the code.
process.exit(code);
