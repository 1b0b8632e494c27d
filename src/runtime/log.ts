import { closeSync } from 'node:fs';
import { type DestinationStream, type LoggerOptions, pino, stdTimeFunctions } from 'pino';
import type { EventAt, EventFields, EventLevel } from './log-events.ts';
import { type Output, openOutput } from './output.ts';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];

/** Writes events: docs/log-events.md lists them. A value is a field; the text is for people. */
export type Log = {
  [Level in EventLevel]: <Name extends EventAt<Level>>(fields: EventFields<Name>, text: string) => void;
};

/** How every line begins: `level` by its name, `time` in ISO 8601; neither pid nor host. */
export const LINE_FORMAT: LoggerOptions = {
  base: null,
  timestamp: stdTimeFunctions.isoTime,
  formatters: { level: level => ({ level }) },
};

export interface LogOutputs {
  readonly log: Log;
  /**
   * Writes every line into an open file as well: a log driver may drop lines, so the console is never the only record.
   */
  alsoTo(fd: number): void;
  /** Closes that file, so that it can be archived without changing under the reader. */
  closeFile(): Promise<void>;
}

export interface ConsoleStyle {
  readonly level: LogLevel;
  /** Pretty lines for a person, JSON lines for a log driver. */
  readonly terminal: boolean;
  readonly colour: boolean;
}

/** Opens the supervisor's log on the console. Whatever happens to the console, a session goes on. */
export async function openLog(
  stdout: Output,
  { level, terminal, colour }: ConsoleStyle,
): Promise<LogOutputs> {
  const screen = terminal ? await prettyLines(stdout, colour) : stdout;
  let file: { readonly fd: number; readonly output: Output } | undefined;
  const everywhere: DestinationStream = {
    write(line) {
      void screen.write(line);
      void file?.output.write(line);
    },
  };
  const log: Log = pino({ ...LINE_FORMAT, level }, everywhere);

  function tellLosses(): void {
    tellLoss('the console', stdout, log);
    if (file !== undefined) tellLoss('supervisor.log', file.output, log);
  }

  stdout.onLoss(tellLosses);
  return {
    log,
    alsoTo(fd) {
      const output = openOutput(fd);
      output.onLoss(tellLosses);
      file = { fd, output };
    },
    async closeFile() {
      if (!(await stdout.flush(STUCK_MS))) {
        const lines = stdout.waiting();
        log.warn({ event: 'console_stuck', lines }, `the console takes no lines: ${lines} wait for it`);
      }
      tellLosses();
      const closing = file;
      file = undefined;
      // A write that hangs keeps its descriptor.
      if (closing !== undefined && (await closing.output.flush(CLOSE_WITHIN_MS))) closeSync(closing.fd);
    },
  };
}

const CLOSE_WITHIN_MS = 1_000;

/** A console that is read takes what there is in less. */
const STUCK_MS = 200;

function tellLoss(output: string, { takeLoss }: Output, log: Log): void {
  const loss = takeLoss();
  if (loss !== undefined)
    log.warn({ event: 'log_lines_lost', output, ...loss }, `${loss.lines} lines did not reach ${output}`);
}

async function prettyLines(output: Output, colorize: boolean): Promise<DestinationStream> {
  // The bundle knows the module's default export alone: it is CommonJS.
  const { default: module } = await import('pino-pretty');
  const pretty = module.prettyFactory({
    colorize,
    translateTime: 'SYS:HH:MM:ss',
    ignore: 'pid,hostname',
    singleLine: true,
  });
  return { write: line => void output.write(pretty(line) ?? '') };
}
