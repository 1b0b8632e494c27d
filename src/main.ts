#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { setTimeout } from 'node:timers/promises';
import { isatty } from 'node:tty';
import { findCommand } from './cli/commands.ts';
import { compressionThreads, poolSize } from './runtime/cpus.ts';
import { EXIT_INTERNAL_ERROR, EXIT_USAGE } from './runtime/exit-codes.ts';
import { leave } from './runtime/leave.ts';
import { createSignals } from './runtime/signals.ts';

/** libuv reads it when its pool is first used. */
process.env.UV_THREADPOOL_SIZE ??= String(poolSize(compressionThreads()));
enableCompileCache();

/** How long the reader of stdout has for what it has not read yet. */
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
  const command = findCommand(name);
  if (command === undefined) {
    printError(`unknown command "${name}"; see craftassist-session --help`);
    return EXIT_USAGE;
  }
  const runCommand = await command.load();
  return runCommand({
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
await leave(code);
