#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { isatty } from 'node:tty';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type Logger, pino } from 'pino';
import { ConfigError, type Parsed, variablesHelp } from '../config/define.ts';
import { parseServermgrConfig } from '../config/servermgr.ts';
import type { ServermgrConfig } from '../config/servermgr-config.ts';
import { SERVERMGR_GROUPS } from '../config/servermgr-variables.ts';
import { EXIT_USAGE } from '../runtime/exit-codes.ts';
import { LINE_FORMAT } from '../runtime/log.ts';
import { demoGame } from './demo.ts';
import { overridesFaults } from './launchers/ecs/overrides.ts';
import { type Manager, startManager } from './manager.ts';
import { StartFault } from './start-fault.ts';
import { webhookFaults } from './webhooks/endpoints.ts';

enableCompileCache();
// It would open the debugger to everybody on this machine.
process.on('SIGUSR1', () => undefined);

/** Lines for a person at a terminal, as the supervisor prints them. */
const PRETTY = { translateTime: 'SYS:HH:MM:ss', singleLine: true };

async function main(args: readonly string[]): Promise<number> {
  if (args.some(arg => ['help', '--help', '-h'].includes(arg))) {
    process.stdout.write(`${helpText()}\n`);
    return 0;
  }
  const parsed = readConfig();
  if (parsed === undefined) return EXIT_USAGE;
  const { config, notices } = parsed;
  const transport = isatty(1) ? { target: 'pino-pretty', options: PRETTY } : undefined;
  const log = pino({ ...LINE_FORMAT, level: config.logLevel, ...(transport && { transport }) });
  for (const notice of notices) log.warn({ event: 'notice' }, notice);

  const stopSignal = firstSignal();
  const collect = keepHeapSmall();
  const manager = await start(config, log);
  if (manager === undefined) return EXIT_USAGE;
  collect();
  log.info(
    { event: 'listening', url: manager.url, launcher: config.launcher.kind },
    `listening on ${manager.url}`,
  );
  if (isatty(1)) process.stdout.write(`\n  Open ${manager.url.replace('127.0.0.1', 'localhost')}\n\n`);
  log.info({ event: 'shutting_down', signal: await stopSignal }, 'shutting down; sessions keep running');
  await manager.close();
  return 0;
}

/**
 * On a machine with much memory V8 lets young garbage grow to 128 MiB, and old garbage to several times of what is in
 * use, but for the first time to hundreds of MiB. The manager of a thousand sessions uses 60 MiB: it has room in 300.
 * @returns collects all garbage: to be called once it has started, as from its first full collection on V8 goes by what
 *   is in use
 */
function keepHeapSmall(): () => void {
  for (const flag of ['semi-space-growth-factor=1', 'heap-growing-percent=50', 'expose-gc'])
    setFlagsFromString(`--${flag}`);
  return runInNewContext('gc');
}

function readConfig(): Parsed<ServermgrConfig> | undefined {
  try {
    const parsed = parseServermgrConfig(process.env, { cwd: process.cwd(), demo: demoGame() });
    const faults = [...overridesFaults(parsed.config), ...webhookFaults(parsed.config.webhooks)];
    if (faults.length > 0) throw new ConfigError(faults);
    return parsed;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.describe('node src/servermgr/main.ts --help')}\n`);
    return undefined;
  }
}

async function start(config: ServermgrConfig, log: Logger): Promise<Manager | undefined> {
  try {
    return await startManager(config, { log, env: process.env });
  } catch (error) {
    if (!(error instanceof StartFault)) throw error;
    process.stderr.write(`${error.message}\n`);
    return undefined;
  }
}

function firstSignal(): Promise<NodeJS.Signals> {
  return new Promise(resolve => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, resolve);
  });
}

function helpText(): string {
  return [
    'servermgr: a web page with a green button that launches Craftassist sessions.',
    '',
    'Usage: node src/servermgr/main.ts [--help]',
    '',
    'It is set up by environment variables; their defaults are in parentheses. Every SESSION_… variable is',
    'handed on to the sessions.',
    'AWS credentials and region come from the standard AWS variables, a profile, or a role.',
    ...variablesHelp(SERVERMGR_GROUPS),
  ].join('\n');
}

process.exitCode = await main(process.argv.slice(2));
