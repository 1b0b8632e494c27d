/**
 * What a journal costs: CPU of the process that writes it, requests and bytes for an hour, peak memory.
 *
 *   node scripts/bench/journal.ts [--seconds 60] [--row <name>]
 *
 * Each row is a writer (this process) and a journal (a process of its own) on a temporary folder.
 */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startJournal } from '../../src/journal/writer/journal.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    row: { type: 'string' },
    journal: { type: 'string' },
  },
});

interface Row {
  readonly name: string;
  readonly bytesPerSecond: number;
  readonly logs: number;
  /** Files of 2 KB that lie there and do not change. */
  readonly quietFiles: number;
  /** The journal begins with a backlog of so many bytes. */
  readonly backlogBytes: number;
}

const ROWS: readonly Row[] = [
  { name: 'idle', bytesPerSecond: 0, logs: 1, quietFiles: 0, backlogBytes: 0 },
  { name: '10 KB/s in 3 files', bytesPerSecond: 10_000, logs: 3, quietFiles: 0, backlogBytes: 0 },
  { name: '1 MB/s in 20 files', bytesPerSecond: 1_000_000, logs: 20, quietFiles: 0, backlogBytes: 0 },
  { name: '20,000 quiet files', bytesPerSecond: 0, logs: 1, quietFiles: 20_000, backlogBytes: 0 },
  { name: '1 GiB backlog', bytesPerSecond: 0, logs: 1, quietFiles: 0, backlogBytes: 2 ** 30 },
];

/** What the journal's process prints at its end. */
interface Cost {
  readonly cpuMs: number;
  readonly startCpuMs: number;
  readonly wallMs: number;
  readonly puts: number;
  readonly bytes: number;
  readonly greatestLagMs: number;
  readonly finishMs: number;
  readonly peakMiB: number;
}

if (values.journal === undefined) await compareRows();
else await writeJournal(values.journal);

async function compareRows(): Promise<void> {
  const rows = ROWS.filter(row => values.row === undefined || row.name.includes(values.row));
  for (const row of rows) console.log(await run(row, Number(values.seconds)));
}

async function run(row: Row, seconds: number): Promise<string> {
  const home = mkdtempSync(join(tmpdir(), 'bench-journal-'));
  try {
    const work = join(home, 'work');
    prepare(work, row);
    const journal = spawn(process.execPath, [import.meta.filename, '--journal', home], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let output = '';
    journal.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    await write(work, row, seconds);
    journal.stdin.end();
    await once(journal, 'close');
    return describe(row, JSON.parse(output));
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

function prepare(work: string, row: Row): void {
  for (let i = 0; i < row.quietFiles; i += 1) {
    const folder = join(work, 'world', String(i % 100));
    if (i < 100) mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${i}.json`), lines(2000));
  }
  mkdirSync(work, { recursive: true });
  const block = lines(4 * 2 ** 20);
  for (let written = 0; written < row.backlogBytes; written += block.length) {
    appendFileSync(join(work, 'backlog.log'), block);
  }
}

/** Ten times a second, as the logs of busy programs grow. */
async function write(work: string, row: Row, seconds: number): Promise<void> {
  const endMs = performance.now() + seconds * 1000;
  const perTurn = Math.round(row.bytesPerSecond / row.logs / 10);
  while (performance.now() < endMs) {
    const turnMs = performance.now();
    for (let i = 0; i < row.logs && perTurn > 0; i += 1)
      appendFileSync(join(work, `log-${i}.log`), lines(perTurn));
    await sleep(Math.max(0, 100 - (performance.now() - turnMs)));
  }
}

/** Debug lines that compress like real ones. */
function lines(bytes: number): string {
  let text = '';
  while (text.length < bytes) {
    const [x, y, z] = [Math.random() * 1000, 60 + Math.random() * 4, Math.random() * 1000];
    const id = Math.floor(Math.random() * 2 ** 48).toString(16);
    text += `${new Date().toISOString()} DEBUG agent.memory: self moved to (${x.toFixed(3)}, ${y.toFixed(3)}, ${z.toFixed(3)}) memid=${id}\n`;
  }
  return text.slice(0, bytes);
}

async function writeJournal(home: string): Promise<void> {
  const destination = openDirectoryStore(join(home, 'store'));
  let puts = 0;
  const started = process.cpuUsage();
  const startedMs = performance.now();
  const journal = startJournal({
    selection: { root: join(home, 'work'), include: [], exclude: [], excludedPaths: [] },
    intervalMs: 2000,
    rewriteIntervalMs: 60_000,
    heartbeatMs: 60_000,
    scratch: tmpdir(),
    destination: {
      ...destination,
      put: (...args) => {
        puts += 1;
        return destination.put(...args);
      },
    },
    prefix: 'bench/journal',
    run: randomUUID(),
    ifAbsent: true,
    heedsFences: true,
    sinceMs: Date.now(),
    about: {
      session: 'bench',
      archiveName: 'logs.tar.gz',
      codec: 'gzip',
      include: [],
      exclude: [],
      version: '0',
    },
    onProblem: problem => console.error(problem),
  });
  while (journal.report().segments === 0 || journal.report().backlog.files > 0) await sleep(20);
  const start = process.cpuUsage(started);
  const before = process.cpuUsage();
  const beforeMs = performance.now();
  const putsBefore = puts;
  const bytesBefore = journal.report().bytes;
  const readyMs = beforeMs - startedMs;
  for await (const _ of process.stdin);
  const after = process.cpuUsage(before);
  const wallMs = performance.now() - beforeMs;
  const { bytes, greatestLagMs } = journal.report();
  const cost = { puts: puts - putsBefore, bytes: bytes - bytesBefore, wallMs, greatestLagMs };
  const finishingMs = performance.now();
  await journal.finish(new AbortController().signal);
  const all: Cost & { readyMs: number } = {
    ...cost,
    readyMs,
    cpuMs: (after.user + after.system) / 1000,
    startCpuMs: (start.user + start.system) / 1000,
    finishMs: performance.now() - finishingMs,
    peakMiB: Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0) / 1024,
  };
  console.log(JSON.stringify(all));
}

function describe({ name }: Row, cost: Cost & { readonly readyMs: number }): string {
  const hours = cost.wallMs / 3_600_000;
  return [
    name.padEnd(20),
    `CPU ${((100 * cost.cpuMs) / cost.wallMs).toFixed(2)} % of a core`,
    `${Math.round(cost.puts / hours)} requests/h`,
    `${(cost.bytes / hours / 1e6).toFixed(1)} MB/h`,
    `greatest lag ${Math.round(cost.greatestLagMs)} ms`,
    `first safe after ${Math.round(cost.readyMs)} ms (${Math.round(cost.startCpuMs)} ms CPU)`,
    `finish ${Math.round(cost.finishMs)} ms`,
    `peak ${Math.round(cost.peakMiB)} MiB`,
  ].join('; ');
}
