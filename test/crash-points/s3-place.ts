import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { s3Environment } from '../support/s3-environment.ts';
import { type RequestRecord, startS3Server } from '../support/s3-server.ts';
import { createNamer, type Place, type StoredEvent, type Trap } from './place.ts';

const PREFIX = 'sessions/';

/**
 * The tests' S3. Each request is two points: before the store has done what was requested, and after that, before the
 * answer.
 * @param kill ends the process of that name, and all that it has started
 */
export async function openS3Place(
  before: readonly StoredEvent[],
  trap: Trap | undefined,
  kill: (by: string) => Promise<void>,
): Promise<Place> {
  const points = new Map<string, { readonly names: string[]; readonly name: (what: string) => string }>();
  const events: StoredEvent[] = [];
  // What a run that was broken off has left may still ask at a port that is ours now.
  const secret = randomUUID();
  const known = new Map<string, string>();

  async function gate(request: RequestRecord, moment: 'come' | 'done'): Promise<boolean> {
    const by = request.accessKey?.slice(secret.length + 1) ?? '';
    if (moment === 'done') record(by, request);
    const passed = points.get(by) ?? { names: [], name: createNamer() };
    points.set(by, passed);
    const point = passed.name(
      `${moment === 'come' ? 'before' : 'after'} ${request.operation} ${request.key}`,
    );
    passed.names.push(point);
    if (trap?.by !== by || trap.at !== point) return true;
    await kill(by);
    return false;
  }

  function record(by: string, { operation, key }: RequestRecord): void {
    const objects = new Map(server.objects().map(object => [object.key, object]));
    const object = objects.get(key);
    if (WRITES.has(operation) && object !== undefined) {
      const bytes = bytesOf(object);
      const digest = digestOf(bytes);
      // A condition that was refused has changed nothing.
      if (known.get(key) !== digest)
        events.push({
          kind: 'put',
          key: key.slice(PREFIX.length),
          by,
          digest,
          bytes,
          headers: object.headers,
        });
      known.set(key, digest);
    }
    for (const gone of [...known.keys()].filter(each => !objects.has(each))) {
      known.delete(gone);
      events.push({ kind: 'delete', key: gone.slice(PREFIX.length), by });
    }
  }

  const server = await startS3Server({ gate });
  await restore(server.url, before);
  events.splice(0, events.length, ...before);
  points.clear();

  return {
    url: 's3://bucket/sessions/test',
    environment: by => s3Environment({ url: server.url, accessKey: `${secret}.${by}` }),
    points: async by => points.get(by)?.names ?? [],
    events: async () => events,
    objects: async () => {
      const named = (key: string, bytes: Buffer) => [key.slice(PREFIX.length), bytes] as const;
      return new Map([
        ...server.objects().map(object => named(object.key, bytesOf(object))),
        ...server.uploads().map(({ key }) => named(`${key}.part`, Buffer.alloc(0))),
      ]);
    },
    [Symbol.asyncDispose]: () => server.close(),
  };
}

const WRITES = new Set(['PutObject', 'CompleteMultipartUpload']);

/** Puts what an earlier store had in the end. */
async function restore(url: string, before: readonly StoredEvent[]): Promise<void> {
  const last = new Map(before.map(event => [event.key, event]));
  for (const { key, bytes, headers = {} } of last.values()) {
    if (bytes === undefined) continue;
    const body = new Uint8Array(bytes);
    const answer = await fetch(`${url}/bucket/${PREFIX}${key}`, { method: 'PUT', headers, body });
    if (!answer.ok) throw new Error(`${key}: ${answer.status} ${await answer.text()}`);
  }
}

function bytesOf({ bodies }: { readonly bodies: readonly { readonly file: string | undefined }[] }): Buffer {
  return Buffer.concat(bodies.flatMap(({ file }) => (file === undefined ? [] : [readFileSync(file)])));
}

export function digestOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
