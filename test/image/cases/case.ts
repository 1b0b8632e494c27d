import assert from 'node:assert/strict';
import type { ContainerFixture, Ended } from '../container-session.ts';
import { assertAlone, assertRan, type Evidence, readEvidence } from '../evidence.ts';
import { IMAGES } from '../images.ts';

export interface Case {
  readonly name: string;
  /** @returns what is printed beside its name. @throws when it fails */
  run(fixture: ContainerFixture): Promise<string>;
}

export const variables = (...values: readonly string[]) => values.flatMap(value => ['--env', value]);

/** Where the store of a case is. */
export const STORE = ['AWS_ENDPOINT_URL_S3=http://s3:9000', 'SESSION_S3_PATH_STYLE=1'];

export const KEYS = ['AWS_ACCESS_KEY_ID=AKIASMOKE', 'AWS_SECRET_ACCESS_KEY=smoke-secret'];

/** The options of a session `test` whose agent runs these steps, with these variables besides. */
export function session(agentDoes: string, ...values: readonly string[]): string[] {
  return variables(...STORE, ...KEYS, 'TIMESTAMP=test', `AGENT_DOES=${agentDoes}`, ...values);
}

/** Time to sample the processes while the archive is uploaded. */
export const SLOW_STORE = [
  { match: { operation: ['PutObject', 'CompleteMultipartUpload'] }, do: 'delay', delayMs: 700 },
] as const;

export interface Expected {
  readonly code?: number;
  /** How many leftover processes are found at the end. */
  readonly survivors?: number;
  /** Default: the session image. */
  readonly image?: string;
  readonly verify?: (evidence: Evidence, ended: Ended) => void;
}

/** A session that ends by itself. @param options for `docker run` */
export function endsByItself(name: string, options: readonly string[], expected: Expected = {}): Case {
  const { code = 0, survivors = 0, image = IMAGES.session, verify } = expected;
  return {
    name,
    async run({ startFrom, store }) {
      await store.setFaults(SLOW_STORE);
      const session = await startFrom(image, options);
      const ended = await session.ended();
      assert.equal(ended.code, code, await session.log());
      const evidence = await readEvidence(store, 'test');
      assert.equal(evidence.report.exitCode, code);
      assert.equal(evidence.report.survivors.length, survivors, JSON.stringify(evidence.report.survivors));
      assert.ok(evidence.report.survivors.every(({ killed }) => killed));
      assertRan(evidence);
      assertAlone(ended);
      verify?.(evidence, ended);
      return describeEnd(ended, evidence);
    },
  };
}

export function describeEnd({ code }: Ended, { archiveBytes, names }: Evidence): string {
  return `exit ${code}, ${names.length} entries in ${Math.ceil(archiveBytes / 1024)} KiB`;
}
