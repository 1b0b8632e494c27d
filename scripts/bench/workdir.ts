import { closeSync, existsSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createRandom, type Random } from '../../test/support/random.ts';

/** What a working directory of the bench is made of. */
export type Size = { readonly bytes: number } | { readonly files: number; readonly bytesEach: number };

/**
 * Builds a working directory like that of a session, the same for the same size: 70 % debug log, 11 % region files
 * that nothing compresses, the rest binary logs and CSV; or so many small files. One that is there is kept.
 */
export function buildWorkdir(folder: string, size: Size): void {
  const done = `${folder}.complete`;
  if (existsSync(done)) return;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  if ('files' in size) smallFiles(folder, size.files, size.bytesEach);
  else session(folder, size.bytes);
  writeFileSync(done, '');
}

function session(folder: string, bytes: number): void {
  const random = createRandom(bytes);
  fill(join(folder, 'agent.log'), bytes * 0.6, debugLog(random));
  fill(join(folder, 'cuberite_process.log'), bytes * 0.1, debugLog(random));
  const regions = Math.max(1, Math.round((bytes * 0.11) / 700_000));
  for (let i = 0; i < regions; i++) {
    const path = join(folder, `cuberite/world/region/r.${i % 32}.${Math.floor(i / 32)}.mca`);
    fill(path, (bytes * 0.11) / regions, () => random.noise(65_536));
  }
  fill(join(folder, 'cuberite/logging.bin'), bytes * 0.11, binaryLog(random));
  const tables = Math.max(1, Math.min(400, Math.round(bytes / 2_000_000)));
  for (let i = 0; i < tables; i++) {
    fill(join(folder, `timeline/${i}.csv`), (bytes * 0.08) / tables, table(random));
  }
  writeFileSync(join(folder, 'job_metadata.json'), JSON.stringify({ timestamp: random.below(2 ** 31) }));
}

function smallFiles(folder: string, files: number, bytesEach: number): void {
  const random = createRandom(files);
  const line = debugLog(random);
  for (let i = 0; i < files; i++) fill(join(folder, `events/${i % 100}/${i}.log`), bytesEach, line);
}

/** Writes pieces until the file has exactly so many bytes. */
function fill(path: string, bytes: number, piece: () => string | Buffer): void {
  mkdirSync(dirname(path), { recursive: true });
  const file = openSync(path, 'w');
  let left = Math.round(bytes);
  while (left > 0) {
    const pieces = [];
    for (let size = 0; size < Math.min(left, 1 << 18); ) {
      const next = Buffer.from(piece());
      pieces.push(next);
      size += next.length;
    }
    left -= writeSync(file, Buffer.concat(pieces), 0, Math.min(left, Buffer.concat(pieces).length));
  }
  closeSync(file);
}

/** Lines as the agent writes them at debug level: what varies in them varies here. */
export function debugLog(random: Random): () => string {
  let ms = Date.UTC(2021, 3, 1) + random.below(1e9);
  let step = 0;
  const known = Array.from({ length: 60 }, () => random.noise(16).toString('hex'));
  const memid = () => {
    const i = random.below(60);
    if (random.below(12) === 0) known[i] = random.noise(16).toString('hex');
    return known[i];
  };
  const coordinate = () => (random.fraction() * 200 - 100).toFixed(2 + random.below(5));
  const block = () => `(${random.below(64)}, ${60 + random.below(10)}, ${random.below(64)})`;
  const kinds: readonly [() => string, ...(() => string)[]] = [
    () =>
      `[craftassist_agent.py:${random.below(400)} - step() DEBUG]: step ${++step} took ${random.fraction().toFixed(9)}s`,
    () =>
      `[low_level_perception.py:62 - perceive() DEBUG]: agent at x=${coordinate()} y=${coordinate()} z=${coordinate()} yaw=${coordinate()}`,
    () =>
      `[sql_memory.py:${600 + random.below(90)} - _db_read() DEBUG]: SELECT * FROM ReferenceObjects WHERE uuid='${memid()}' LIMIT ${random.below(50)}`,
    () =>
      `[memory_nodes.py:254 - update() INFO]: BlockObjectNode ${memid()} at ${block()} idm=(${random.below(255)}, ${random.below(16)})`,
    () =>
      `[task.py:118 - step() DEBUG]: Move target=${block()} path length ${random.below(90)} cost ${random.below(1e6)}`,
    () =>
      `[dialogue_manager.py:88 - step() INFO]: utterance ${random.below(1e6)} parsed in ${random.fraction().toFixed(6)}s, ${random.below(9)} candidates`,
    () =>
      `[heuristic_perception.py:131 - get_nearby_airtouching_blocks() DEBUG]: ${block()} ${block()} ${block()} changed`,
    () => stackTrace(random),
  ];
  return () => {
    ms += random.below(40);
    return `${new Date(ms).toISOString().replace('T', ' ').replace('.', ',').slice(0, 23)} ${random.pick(kinds)()}\n`;
  };
}

function stackTrace(random: Random): string {
  const lines = ['[base_agent.py:71 - handle_exception() ERROR]: Traceback (most recent call last):'];
  for (let depth = 2 + random.below(4); depth > 0; depth--) {
    const file = random.pick(['agent', 'memory', 'dialogue', 'perception', 'interpreter'] as const);
    lines.push(
      `  File "/droidlet/droidlet/${file}/craftassist/${file}_${random.below(12)}.py", line ${random.below(900)}, in step`,
      `    self.${file}.update(agent, perceived[${random.below(5000)}])`,
    );
  }
  return `${lines.join('\n')}\nKeyError: ${random.below(2 ** 31)}`;
}

/** Cuberite's logging.bin: little records of entity, position and look. */
function binaryLog(random: Random): () => Buffer {
  let tick = 0;
  let x = 0;
  let z = 0;
  return () => {
    const record = Buffer.alloc(48);
    record.writeUInt32BE(++tick, 0);
    record.writeUInt16BE(random.below(3), 4);
    record.writeUInt32BE(1000 + random.below(8), 8);
    x += random.below(3) / 32;
    z -= random.below(3) / 32;
    record.writeDoubleBE(x, 16);
    record.writeDoubleBE(63, 24);
    record.writeDoubleBE(z, 32);
    record.writeFloatBE(random.below(24) * 15, 40);
    return record;
  };
}

function table(random: Random): () => string {
  let id = 0;
  return () =>
    `${++id},${random.pick(['perceive', 'memory', 'dialogue', 'interpreter', 'act'] as const)},${(random.fraction() * 2).toFixed(3)},${4 * random.below(900)},${random.pick(['ok', 'ok', 'ok', 'failed'] as const)}\n`;
}
