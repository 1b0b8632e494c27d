import { mkdirSync, openSync, writeSync } from 'node:fs';
import { isatty } from 'node:tty';

export type Level = 'Log' | 'Info' | 'Warning' | 'Error';

export interface Output {
  log(level: Level, message: string): void;
  /** What a regular exit does; a crash does not. */
  flush(): void;
}

const BUFFER_BYTES = 4096;
const FILE_LEVELS = { Log: '     ', Info: 'Info ', Warning: 'Warn ', Error: 'Err  ' };

/** The server's two logs: standard output as C's stdio buffers it, and a file that warnings and errors flush. */
export function openOutput({ unbuffered }: { readonly unbuffered: boolean }): Output {
  const console = stdio(1, unbuffered || isatty(1));
  mkdirSync('logs', { recursive: true });
  const file = stdio(openSync(`logs/LOG_${Math.trunc(Date.now() / 1000)}.txt`, 'a'), false);
  return {
    log(level, message) {
      const line = `[${new Date().toTimeString().slice(0, 8)}] ${message}\n`;
      console.write(`${level}: ${line}`);
      file.write(`${FILE_LEVELS[level]}${line}`);
      if (level === 'Warning' || level === 'Error') file.flush();
    },
    flush() {
      console.flush();
      file.flush();
    },
  };
}

/** Block buffering: whatever fills the buffer goes out, and the rest waits. */
function stdio(fd: number, unbuffered: boolean) {
  let buffer = Buffer.alloc(0);
  const writeAll = (bytes: Buffer) => {
    for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
  };
  return {
    write(text: string) {
      buffer = Buffer.concat([buffer, Buffer.from(text)]);
      const due = unbuffered ? buffer.length : buffer.length - (buffer.length % BUFFER_BYTES);
      writeAll(buffer.subarray(0, due));
      buffer = buffer.subarray(due);
    },
    flush() {
      writeAll(buffer);
      buffer = Buffer.alloc(0);
    },
  };
}
