import { spawn } from 'node:child_process';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { bytesText, errorText } from '../runtime/text.ts';

/** Bytes from an offset on; of a hole they are zeros that take no space on the disk. */
export interface Span {
  readonly offset: number;
  readonly length: number;
}

/** What a stat tells of a file. */
export interface FileSize {
  readonly size: number;
  /** Of 512 bytes each. */
  readonly blocks: number;
}

/**
 * The holes of a sparse file that are worth it, in their order: to read a map of 1 TiB takes minutes, and others would
 * not be saved meanwhile. Node has no lseek(2) with SEEK_DATA: a line of Perl, which Debian always has, asks for it.
 * Where holes cannot be found a file is read like any other, unless that would take too long.
 * @param fd its file offset is changed
 * @returns a string: why its content cannot be had
 */
export async function findHoles(fd: number, file: FileSize): Promise<readonly Span[] | string> {
  if (!mayHaveHoles(file)) return [];
  if (!Number.isSafeInteger(file.size)) return 'it is too large';
  const { holes, fault } = await askForHoles(fd, file.size);
  const unfound = unallocated(file) - lengthOf(holes);
  if (unfound <= MAX_UNFOUND_BYTES) return holes;
  return `${bytesText(unfound)} of it are holes that cannot be told from content${fault && `: ${fault}`}`;
}

/** Whether there is anything to find. */
export function mayHaveHoles(file: FileSize): boolean {
  return unallocated(file) >= WORTH_BYTES;
}

function unallocated({ size, blocks }: FileSize): number {
  return size - blocks * 512;
}

/** The spans between holes, from one offset up to another. */
export function dataBetween(holes: readonly Span[], from: number, to: number): Span[] {
  const spans: Span[] = [];
  let at = from;
  for (const { offset, length } of [...holes, { offset: to, length: 0 }]) {
    const end = Math.min(offset, to);
    if (at < end) spans.push({ offset: at, length: end - at });
    at = Math.max(at, offset + length);
  }
  return spans;
}

/** What is at an offset, and for how many bytes, up to another one. */
export function spanAt(
  holes: readonly Span[],
  offset: number,
  end: number,
): { readonly isHole: boolean; readonly length: number } {
  const next = holes.find(hole => hole.offset + hole.length > offset);
  if (next === undefined || next.offset >= end) return { isHole: false, length: end - offset };
  if (next.offset > offset) return { isHole: false, length: next.offset - offset };
  return { isHole: true, length: Math.min(next.offset + next.length, end) - offset };
}

export function lengthOf(spans: readonly Span[]): number {
  return spans.reduce((sum, { length }) => sum + length, 0);
}

/** Of holes: below it a file is read as it is. A disk that compresses has files with less than their size as well. */
const WORTH_BYTES = 64 * 1024 ** 2;
/** Read in half a minute or so. A file system that counts no blocks, as some in user space, seems to have only holes. */
const MAX_UNFOUND_BYTES = 64 * 1024 ** 3;
/** Only the largest: an entry for each is in the archive and in the journal. */
const MAX_HOLES = 4096;
/** Where the tar's readers, and file systems, want holes to begin and end. */
const ALIGNMENT = 4096;
const MAX_MS = 10_000;

/** SEEK_DATA is 3, SEEK_HOLE 4; behind the last data errno is 6, ENXIO. */
const SCRIPT = `
my ($at, $size) = (0, $ARGV[0]);
while ($at < $size) {
  my $data = sysseek(STDIN, $at, 3);
  if (!defined $data) { die "$!\\n" if $! != 6; $data = $size }
  print $at + 0, " ", $data + 0, "\\n" if $data - $at >= 1048576;
  last if $data >= $size;
  $at = sysseek(STDIN, $data, 4) // die "$!\\n";
}`;

async function askForHoles(fd: number, size: number): Promise<{ holes: Span[]; fault: string }> {
  try {
    const perl = spawn('perl', ['-e', SCRIPT, String(size)], {
      stdio: [fd, 'pipe', 'ignore'],
      env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
      timeout: MAX_MS,
    });
    const { promise: exited, resolve, reject } = Promise.withResolvers<number | null>();
    perl.once('error', reject).once('exit', resolve);
    const [output, code] = await Promise.all([text(perl.stdout ?? Readable.from([])), exited]);
    if (code !== 0) throw new Error('the file system does not tell');
    return { holes: parseHoles(output, size), fault: '' };
  } catch (error) {
    return { holes: [], fault: errorText(error) };
  }
}

function parseHoles(output: string, size: number): Span[] {
  const holes = output
    .split('\n')
    .filter(line => line !== '')
    .map(line => {
      const [from = 0, to = 0] = line.split(' ').map(Number);
      const offset = Math.ceil(from / ALIGNMENT) * ALIGNMENT;
      const end = to >= size ? size : Math.floor(to / ALIGNMENT) * ALIGNMENT;
      return { offset, length: end - offset };
    })
    .filter(({ length }) => length > 0);
  const largest = holes.sort((a, b) => b.length - a.length).slice(0, MAX_HOLES);
  return largest.sort((a, b) => a.offset - b.offset);
}
