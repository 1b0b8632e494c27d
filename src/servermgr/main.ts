#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { isatty } from 'node:tty';
import { pino } from 'pino';
import { type ParsedManagerConfig, parseManagerConfig } from '../config/servermgr.ts';
import { ConfigError } from '../config/session.ts';
import { demoGame } from './demo.ts';
import { helpText } from './help.ts';
import { overridesFaults } from './launchers/ecs/overrides.ts';
import { startManager } from './manager.ts';

enableCompileCache();

const EXIT_USAGE = 64;

async function main(args: readonly string[]): Promise<number> {
  if (args.some(arg => ['help', '--help', '-h'].includes(arg))) {
    process.stdout.write(`${helpText()}\n`);
    return 0;
  }
  const parsed = configured();
  if (parsed === undefined) return EXIT_USAGE;
  const { config, notices } = parsed;
  const transport = isatty(1) ? { target: 'pino-pretty', options: { ignore: 'pid,hostname' } } : undefined;
  const log = pino({ level: config.logLevel, base: null, ...(transport && { transport }) });
  for (const notice of notices) log.warn(notice);

  const asked = firstSignal();
  const manager = await startManager(config, { log, env: process.env });
  log.info({ url: manager.url, launcher: config.launcher.kind }, 'the green button is served');
  if (isatty(1)) process.stdout.write(`\n  Open ${manager.url.replace('127.0.0.1', 'localhost')}\n\n`);
  log.info({ signal: await asked }, 'the manager ends; sessions play on, and end by themselves');
  await manager.close();
  return 0;
}

function configured(): ParsedManagerConfig | undefined {
  try {
    const parsed = parseManagerConfig(process.env, { cwd: process.cwd(), demo: demoGame() });
    const faults = overridesFaults(parsed.config);
    if (faults.length > 0) throw new ConfigError(faults);
    return parsed;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    complain(`${error.message}:`);
    for (const fault of error.faults) complain(`  ${fault}`);
    complain('Nothing was started. `node src/servermgr/main.ts --help` explains every variable.');
    return undefined;
  }
}

function firstSignal(): Promise<NodeJS.Signals> {
  return new Promise(resolve => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, resolve);
  });
}

function complain(text: string): void {
  process.stderr.write(`${text}\n`);
}

process.exitCode = await main(process.argv.slice(2));
