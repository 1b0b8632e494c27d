import { describe, expect } from 'vitest';
import { ENDINGS } from '../session/cuberite/endings.ts';
import { ARCHIVE, REPORT, sessionTest } from './session-test.ts';

describe.each(['ceph', 'swift'] as const)('at %s, a session with the ending', kind => {
  const test = sessionTest(kind);

  describe.concurrent('that comes after its start:', () => {
    for (const [by, { env, prepare, act, code }] of Object.entries(ENDINGS)) {
      test(`"${by}" is saved`, async ({ cuberite, environment, expectSaved, bucket }) => {
        await prepare?.(cuberite);
        const session = cuberite.start({ ...environment, SESSION_JOURNAL_INTERVAL: '100ms', ...env });
        await act?.(session, cuberite);
        expect(await session.ended(), session.stderr()).toEqual({ code, signal: null });
        await expectSaved();
        const report: unknown = JSON.parse(String(await bucket.read(REPORT)));
        const { length } = await bucket.read(ARCHIVE);
        expect(report).toMatchObject({
          end: { by },
          exitCode: code,
          archive: { bytes: length, verified: true },
        });
      });
    }
  });

  test('"destination-refused" leaves nothing', async ({ start, bucket }) => {
    const session = start({ SESSION_DESTINATION: `s3://${bucket.name}-is-another/sessions` });
    expect(await session.ended(), session.stderr()).toEqual({ code: 64, signal: null });
    expect(session.report().end.by).toBe('destination-refused');
    expect(await bucket.keys()).toEqual([]);
  });
});
