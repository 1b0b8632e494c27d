import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { readLauncherScript } from '../../src/config/launcher-script.ts';
import { parseSessionConfig } from '../../src/config/session.ts';
import type { Environment } from '../../src/config/session-config.ts';

/** As both launchers pack it. */
const packed = (script: string) => gzipSync(script).toString('base64');

/** What the script of the Craftassist image does with its destination. */
const USUAL = `#!/bin/bash -x
# S3_DEST=s3://of-a-comment

S3_DEST=s3://craftassist/turk_interactions_with_agent

touch /ran
if test -f "turk_experiment_id.txt"; then
    turk_experiment_id="$(cat turk_experiment_id.txt)"
    S3_DEST="$S3_DEST/turk/$turk_experiment_id"
fi
S3_DEST="$S3_DEST/$TIMESTAMP"
find -name "*.log" -o -name "interaction_loggings.json"|tar czf $TARBALL --force-local -T -
aws s3 cp $TARBALL $S3_DEST/$TARBALL
`;

/** What that of the crowd-sourcing pipeline does. */
const PIPELINE = `#!/bin/bash -x
S3_DEST=s3://droidlet-hitl
function cleanup_and_upload_data() {
    if test -f "turk_experiment_id.txt"; then
        TURK_EXPERIMENT_ID="$(cat turk_experiment_id.txt)"
        S3_DEST="$S3_DEST/$TURK_EXPERIMENT_ID/interaction"
    fi
    S3_DEST="$S3_DEST/$TIMESTAMP"
    aws s3 cp logs.tar.gz $S3_DEST/logs.tar.gz
}
`;

// Not a template of ours.
const BRACED = '$'.concat('{S3_DEST}');

const PIPELINE_KEY = '[{experiment}/interaction/]{timestamp}';

const read = (script: string, env: Environment = {}) =>
  readLauncherScript({ RUN_SH_GZ_B64: packed(script), ...env });

function parse(env: Environment) {
  return parseSessionConfig(env, { cwd: '/played', terminal: false, now: new Date() });
}

describe("the launcher's script", () => {
  test('says where the data goes, where nothing else does; this is told, and it is not run', () => {
    const { config, notices } = parse({ RUN_SH_GZ_B64: packed(USUAL) });
    expect(config.save.destination).toEqual({
      kind: 's3',
      bucket: 'craftassist',
      prefix: 'turk_interactions_with_agent',
    });
    expect(notices).toEqual([
      'SESSION_DESTINATION is not set: s3://craftassist/turk_interactions_with_agent is taken from the script in RUN_SH_GZ_B64, which is not run',
    ]);
  });

  test('says nothing of the key when it is the usual one', () => {
    expect(read(USUAL).values).not.toHaveProperty('SESSION_KEY');
  });

  test("of the crowd-sourcing pipeline says its key as well: the experiment's folder, then interaction", () => {
    const { values, notices } = read(PIPELINE);
    expect(values).toEqual({ SESSION_DESTINATION: 's3://droidlet-hitl', SESSION_KEY: PIPELINE_KEY });
    expect(notices).toHaveLength(2);
  });

  test.each([
    ['S3_DEST="s3://bucket/a"', 's3://bucket/a'],
    ["S3_DEST='s3://bucket/a'", 's3://bucket/a'],
    ['export S3_DEST=s3://bucket/a', 's3://bucket/a'],
    ['  S3_DEST=s3://bucket/a  # to here', 's3://bucket/a'],
    ['S3_DEST=s3://bucket/a; echo', 's3://bucket/a'],
    ['S3_DEST=s3://bucket\r', 's3://bucket'],
    [`S3_DEST=s3://bucket\nS3_DEST=${BRACED}/$TIMESTAMP`, 's3://bucket'],
  ])('is understood in %j', (script, destination) => {
    expect(read(script).values).toEqual({ SESSION_DESTINATION: destination });
  });

  test.each([`${BRACED}/$ID/interaction`, '"$S3_DEST/$ID/interaction/$TIMESTAMP"'])(
    'has the key of the pipeline with S3_DEST=%s',
    more => {
      expect(read(`S3_DEST=s3://bucket\nS3_DEST=${more}\n`).values.SESSION_KEY).toBe(PIPELINE_KEY);
    },
  );

  test.each(['# $S3_DEST/interaction', 'cp $S3_DEST/interaction_loggings.json .', 'ls /interaction'])(
    'has not with %s',
    more => {
      expect(read(`S3_DEST=s3://bucket\n${more}\n`).values.SESSION_KEY).toBeUndefined();
    },
  );

  test('may be broken into lines, as base64 does', () => {
    const broken = packed(USUAL).replace(/.{76}/g, '$&\n');
    expect(readLauncherScript({ RUN_SH_GZ_B64: broken }).values).toEqual(read(USUAL).values);
  });

  test('gives way to what is set, and the difference is told', () => {
    const env = { RUN_SH_GZ_B64: packed(PIPELINE), SESSION_DESTINATION: '/out' };
    expect(parse(env).config.save.destination).toEqual({ kind: 'directory', path: '/out' });
    expect(parse(env).notices).toContain(
      'SESSION_DESTINATION is set, and holds: the script in RUN_SH_GZ_B64 says s3://droidlet-hitl instead',
    );
    const { values, notices } = read(PIPELINE, { SESSION_KEY: '{timestamp}' });
    expect(values).toEqual({ SESSION_DESTINATION: 's3://droidlet-hitl' });
    expect(notices).toContain(
      `SESSION_KEY is set, and holds: the script in RUN_SH_GZ_B64 says ${PIPELINE_KEY} instead`,
    );
  });

  test('that says what is set needs no words', () => {
    const env = { SESSION_DESTINATION: 's3://craftassist/turk_interactions_with_agent/' };
    expect(read(USUAL, env)).toEqual({ values: {}, notices: [] });
  });

  test('does not matter where nothing is uploaded', () => {
    expect(read(USUAL, { CRAFTASSIST_NO_UPLOAD: '1' })).toEqual({ values: {}, notices: [] });
  });

  test.each<[string, string, RegExp]>([
    ['no base64', 'ö', /is not base64/],
    ['no gzip', Buffer.from(USUAL).toString('base64'), /does not hold a whole gzip file/],
    ['half of it', packed(USUAL).slice(0, 200), /does not hold a whole gzip file/],
    ['too much of it', 'A'.repeat(65_537), /is longer than 65536 characters/],
    ['what unpacks to too much', packed('#'.repeat(1_048_577)), /holds more than 1048576 bytes/],
    ['no destination', packed('S3_DEST=$WHERE\n'), /has no line S3_DEST/],
    ['several destinations', packed('S3_DEST=s3://bucket-a\nS3_DEST=s3://bucket-b\n'), /several places/],
    ['no end of its expansions', packed('$S3_DEST'.repeat(100_000)), /has no line S3_DEST/],
    ['what is no bucket', packed('S3_DEST=s3://key:verysecret@bucket\n'), /is no s3:\/\/bucket\/prefix/],
  ])('with %s is ignored, which is told, without its words', (_, text, why) => {
    const { values, notices } = readLauncherScript({ RUN_SH_GZ_B64: text });
    expect(values).toEqual({});
    expect(notices).toEqual([expect.stringMatching(why)]);
    expect(notices[0]).toMatch(/^RUN_SH_GZ_B64 .*: it is ignored$/);
    expect(notices[0]).not.toContain('verysecret');
  });

  test('that is ignored is told beside the fault that the destination is missing', () => {
    expect(() => parse({ RUN_SH_GZ_B64: 'ö' })).toThrow(
      expect.objectContaining({
        faults: [expect.stringMatching(/^SESSION_DESTINATION is not set/), expect.stringMatching(/ignored$/)],
      }),
    );
  });

  test('reaches no child, nor does what was taken from it', () => {
    const { env } = parse({ RUN_SH_GZ_B64: packed(PIPELINE), PATH: '/bin' }).config.children;
    expect(env).toEqual({ PATH: '/bin', PYTHONUNBUFFERED: '1' });
  });
});
