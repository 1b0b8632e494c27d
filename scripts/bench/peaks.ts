import { readFileSync, readlinkSync } from 'node:fs';

const SAMPLE_MS = 25;

interface Peak {
  readonly program: string;
  readonly residentBytes: number;
  /** Of these, pages of files: the program itself above all. */
  readonly fileBytes: number;
}

/** The memory of a process and all below it. */
export interface Peaks {
  /** The peaks of all, added up; a program that runs several times is in memory once, and is counted once. */
  stop(): number;
}

/** @param isCounted default: all are */
export function watchPeaks(pid: number, isCounted: (pid: number) => boolean = () => true): Peaks {
  const peaks = new Map<number, Peak>();
  const sampler = setInterval(() => sample(pid, peaks, isCounted), SAMPLE_MS);
  return {
    stop() {
      clearInterval(sampler);
      return total([...peaks.values()]);
    },
  };
}

function sample(pid: number, peaks: Map<number, Peak>, isCounted: (pid: number) => boolean): void {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const bytesOf = (name: string) =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0) * 1024;
    const before = peaks.get(pid);
    if (isCounted(pid))
      peaks.set(pid, {
        program: readlinkSync(`/proc/${pid}/exe`),
        residentBytes: Math.max(bytesOf('VmHWM'), before?.residentBytes ?? 0),
        fileBytes: Math.max(bytesOf('RssFile'), before?.fileBytes ?? 0),
      });
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ');
    for (const child of children) if (child !== '') sample(Number(child), peaks, isCounted);
  } catch {
    // It has ended in the meantime: what was noted of it stays.
  }
}

function total(peaks: readonly Peak[]): number {
  const programs = Map.groupBy(peaks, ({ program }) => program);
  let bytes = 0;
  for (const runs of programs.values()) {
    const files = runs.map(({ fileBytes }) => fileBytes);
    bytes += runs.reduce((sum, { residentBytes, fileBytes }) => sum + residentBytes - fileBytes, 0);
    bytes += Math.max(...files);
  }
  return bytes;
}
