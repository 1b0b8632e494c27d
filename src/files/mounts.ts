import { readFileSync } from 'node:fs';

/** A line of /proc/self/mountinfo: proc_pid_mountinfo(5). The kernel answers from its own memory, whatever hangs. */
export interface Mount {
  readonly device: string;
  /** The folder of the file system that it shows; bytes in latin1, as all paths here. */
  readonly root: string;
  readonly at: string;
  /** Of the file system, e.g. `ext4`. */
  readonly type: string;
}

/** What is mounted, in the order of mounting; nothing where there is no /proc. */
export function readMounts(): Mount[] {
  return mountinfo().split('\n').filter(Boolean).map(parseMount);
}

function mountinfo(): string {
  try {
    return readFileSync('/proc/self/mountinfo', 'latin1');
  } catch {
    return '';
  }
}

function parseMount(line: string): Mount {
  const fields = line.split(' ');
  const [, , device = '', root = '', at = ''] = fields;
  return { device, root: plain(root), at: plain(at), type: fields[fields.indexOf('-') + 1] ?? '' };
}

function plain(text: string): string {
  return text.replaceAll(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
