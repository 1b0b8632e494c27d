import { type DestinationStream, destination, type LoggerOptions, pino, stdTimeFunctions } from 'pino';
import type { EventAt, EventFields, EventLevel } from './log-events.ts';

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
  /** Waits until the console has taken every line, or for a moment at most: its reader may be gone or stuck. */
  flush(): Promise<void>;
}

export interface ConsoleStyle {
  readonly level: LogLevel;
  /** Pretty lines for a person, JSON lines for a log driver. */
  readonly terminal: boolean;
  readonly colour: boolean;
}

/** Opens the supervisor's log on the console. Whatever happens to the console, a session goes on. */
export async function openLog({ level, terminal, colour }: ConsoleStyle): Promise<LogOutputs> {
  const console = openSink(1);
  const screen = terminal ? await prettyLines(console, colour) : console;
  let file: Sink | undefined;
  const everywhere: DestinationStream = {
    write(line) {
      screen.write(line);
      file?.write(line);
    },
  };
  return {
    log: pino({ ...LINE_FORMAT, level }, everywhere),
    alsoTo(fd) {
      file = openSink(fd);
    },
    async closeFile() {
      const closing = file;
      file = undefined;
      await closing?.end();
    },
    flush: () => console.flush(),
  };
}

interface Sink extends DestinationStream {
  flush(): Promise<void>;
  end(): Promise<void>;
}

/**
 * Written in the background, so that a console that nobody reads stalls no session; past 1 MiB of waiting lines the
 * newest are dropped. A broken pipe or a full disk costs lines, not the session.
 */
function openSink(fd: number): Sink {
  const sink = destination({ dest: fd, sync: false, maxLength: 1024 * 1024 });
  let open = true;
  sink.on('error', () => {
    open = false;
  });
  return {
    write: line => open && sink.write(line),
    flush: () => atMost(FLUSH_MS, done => (open ? sink.flush(() => done()) : done())),
    end: () =>
      atMost(FLUSH_MS, done => {
        if (!open) return done();
        open = false;
        sink.once('close', done).end();
      }),
  };
}

const FLUSH_MS = 1_000;

async function atMost(ms: number, work: (done: () => void) => void): Promise<void> {
  await new Promise<void>(resolve => {
    const timer = setTimeout(resolve, ms);
    work(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

async function prettyLines(sink: DestinationStream, colorize: boolean): Promise<DestinationStream> {
  // The bundle knows the module's default export alone: it is CommonJS.
  const { default: module } = await import('pino-pretty');
  const pretty = module.prettyFactory({
    colorize,
    translateTime: 'SYS:HH:MM:ss',
    ignore: 'pid,hostname',
    singleLine: true,
  });
  return { write: line => sink.write(pretty(line) ?? '') };
}
