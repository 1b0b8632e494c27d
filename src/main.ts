#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { isatty } from 'node:tty';
import { describeUnknown, findCommand } from './cli/commands.ts';
import { compressionThreads, poolSize } from './runtime/cpus.ts';
import { EXIT_INTERNAL_ERROR, EXIT_USAGE } from './runtime/exit-codes.ts';
import { leave } from './runtime/leave.ts';
import { openOutput } from './runtime/output.ts';
import { createSignals, REPEATABLE_STOP } from './runtime/signals.ts';

/** libuv reads it when its pool is first used. */
process.env.UV_THREADPOOL_SIZE ??= String(poolSize(compressionThreads()));
enableCompileCache();

/** How long the readers of stdout and stderr have for what they have not read yet. */
const LINGER_MS = 1_000;

const stdout = openOutput(1);
const stderr = openOutput(2);

async function main(): Promise<number> {
  const signals = createSignals();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT', REPEATABLE_STOP] as const) {
    process.on(signal, () => signals.onSignal(signal));
  }
  // Under nohup it means nothing; that it was ignored, Node has undone before any of this runs.
  const hasTerminal = [0, 1, 2].some(isatty);
  process.on('SIGHUP', () => hasTerminal && signals.onSignal('SIGHUP'));
  // The first would open the debugger to everybody on this machine, and the second end the process.
  for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) process.on(signal, () => undefined);
  process.on('uncaughtException', fault => {
    printError(`uncaught exception: ${fault instanceof Error ? fault.stack : String(fault)}`);
    signals.onUncaught(fault);
  });
  // Node's own listener waits for a terminal that is stopped.
  process.removeAllListeners('warning').on('warning', warning => printError(String(warning)));

  const [name = 'run', ...args] = process.argv.slice(2);
  const command = findCommand(name, args);
  if (command === undefined) {
    printError(await describeUnknown(name));
    return EXIT_USAGE;
  }
  const runCommand = await command.load();
  return runCommand({
    env: process.env,
    cwd: process.cwd(),
    args,
    terminal: isatty(1),
    signals,
    stdout,
    print: text => void stdout.write(`${text}\n`),
    write: bytes => stdout.write(bytes),
    printError,
  });
}

function printError(text: string): void {
  void stderr.write(`${text}\n`);
}

const code = await main().catch(fault => {
  printError(`uncaught exception: ${fault instanceof Error ? fault.stack : String(fault)}`);
  return EXIT_INTERNAL_ERROR;
});
await Promise.all([stdout.flush(LINGER_MS), stderr.flush(LINGER_MS)]);
// Node that winds down by itself takes its signal handlers away first: a late SIGTERM would kill, and change the code.
await leave(code);
