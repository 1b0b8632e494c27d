import { expect, onTestFinished, test } from 'vitest';
import { startS3Server } from '../../support/s3-server.ts';
import { describeContract } from '../contract.ts';
import { openTestStore } from './support.ts';

describeContract('a prefix of an S3 bucket', async () => {
  const server = await startS3Server();
  const destination = await openTestStore(server.url, { prefix: 'some/prefix' });
  return {
    destination,
    async leftovers() {
      const unfinished = server.uploads().map(upload => `unfinished ${upload.key}`);
      const keys = server.objects().map(object => object.key.replace('some/prefix/', ''));
      return [...keys, ...unfinished].sort();
    },
    close: () => server.close(),
  };
});

test('a whole bucket can be the destination', async () => {
  const server = await startS3Server();
  onTestFinished(() => server.close());
  const destination = await openTestStore(server.url, { prefix: '' });
  onTestFinished(() => destination.close());
  await destination.put('a/b', Buffer.from('x'), { signal: new AbortController().signal });
  expect(destination.url).toBe('s3://bucket');
  expect(server.objects().map(({ key }) => key)).toEqual(['a/b']);
});
